/** Capabilities that a program file grants: the xattr `security.capability`, capabilities(7). */
import { E, SYS } from "./abi.gen.ts";
import { SyscallError } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

export const CAP_SETGID = 6;
export const CAP_SETUID = 7;

/**
 * The permitted set of a file as a bit mask (bits 0 to 31, where every classic capability is); 0 when it has none.
 *
 * @throws SyscallError for anything but "no such attribute" and "not supported here"
 */
export function filePermittedCapabilities(path: string): number {
  // struct vfs_ns_cap_data, at most 24 bytes: magic_etc, then pairs of permitted and inheritable
  const data = new Uint8Array(24);
  const size = syscall(SYS.getxattr, cstring(path), cstring("security.capability"), data, data.length);
  if (size === -E.ENODATA || size === -E.EOPNOTSUPP) return 0;
  if (size < 0) throw new SyscallError("getxattr", -size, path);
  return size < 8 ? 0 : new DataView(data.buffer).getUint32(4, true);
}
