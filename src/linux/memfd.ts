/** Anonymous files: memfd_create(2). */
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  SYS,
} from "./abi.gen.ts";
import { check } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

const MFD_EXEC = 0x10;
const EINVAL = 22;

/**
 * An anonymous file with this content, sealed so that nobody can ever write to it again.
 * The caller owns the descriptor. With `inherit` it survives exec.
 *
 * @throws SyscallError
 */
export function sealedFile(
  name: string,
  content: Uint8Array,
  options: { inherit?: boolean; executable?: boolean } = {},
): number {
  const flags = MFD_ALLOW_SEALING | (options.inherit ? 0 : MFD_CLOEXEC);
  const path = cstring(name);
  // MFD_EXEC is known since Linux 6.3, and asked for where vm.memfd_noexec is 1
  let fd = options.executable
    ? syscall(SYS.memfd_create, path, flags | MFD_EXEC)
    : syscall(SYS.memfd_create, path, flags);
  if (fd === -EINVAL) fd = syscall(SYS.memfd_create, path, flags);
  check("memfd_create", fd, name);
  let at = 0;
  while (at < content.length)
    at += check("write", syscall(SYS.write, fd, content.subarray(at), content.length - at), name);
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  check("fcntl", syscall(SYS.fcntl, fd, F_ADD_SEALS, seals), name);
  return fd;
}
