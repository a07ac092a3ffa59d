/** Owner, mode, attributes and times of what is copied. */
import type { Member } from "../../image/tar-reader/index.ts";
import { AT_SYMLINK_NOFOLLOW, SYS } from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, kernelPath } from "../../rootfs/tree/index.ts";

/**
 * Whose the copies are. `archive`: the ids that the archive says. `root`: user and group 0. `caller`: whoever copies, and then without
 * attributes.
 */
export type OwnerRule = "archive" | "root" | "caller";

const XATTR_PREFIX = "SCHILY.xattr.";
/** As `image/tar-writer/entry.ts` writes them. */
const TAKEN =
  /^(user\.(?!overlay\.|containers\.|fuseoverlayfs\.|rootlesscontainers)|security\.capability$|system\.posix_acl_)/;
const OVERRIDE = Buffer.from("user.containers.override_stat\0");

export class Looks {
  readonly #owner: OwnerRule;
  /** Without subordinate ids owners are kept in an attribute. */
  readonly #recorded: boolean;

  /** Permission bits that are taken over. */
  readonly #bits: number;

  /**
   * @param onHost a setuid program of a container would be one of the caller, or of a subordinate id, there for every user of the host: such bits
   * are not taken over, whoever owns the file
   */
  constructor(owner: OwnerRule, ownersRecorded: boolean, onHost: boolean) {
    this.#owner = owner;
    this.#recorded = ownersRecorded;
    this.#bits = onHost || ownersRecorded ? 0o1777 : 0o7777;
  }

  /** @throws SyscallError */
  ofOpen({ fd }: Descriptor, member: Member, path: string): void {
    const { uid, gid } = this.#ids(member);
    // chown(2) takes setuid bits and capabilities away, so it comes first
    if (this.#recorded) this.#record(fd, member, uid, gid);
    else if (this.#owner !== "caller") check("chown", syscall(SYS.fchown, fd, uid, gid), path);
    check("chmod", syscall(SYS.fchmod, fd, member.mode & this.#bits), path);
    if (this.#owner !== "caller") {
      for (const [key, value] of member.pax) {
        const name = key.slice(XATTR_PREFIX.length);
        if (!key.startsWith(XATTR_PREFIX) || !TAKEN.test(name)) continue;
        // not every file system has every kind
        syscall(SYS.fsetxattr, fd, Buffer.from(`${name}\0`), value, value.length, 0);
      }
    }
    check("utimensat", syscall(SYS.utimensat, fd, null, times(member), 0), path);
  }

  /** Of a link or fifo. @throws SyscallError */
  ofName(folder: Descriptor, name: string, member: Member, path: string): void {
    const { uid, gid } = this.#ids(member);
    if (this.#owner !== "caller" && !this.#recorded)
      check("chown", syscall(SYS.fchownat, folder.fd, kernelPath(name), uid, gid, AT_SYMLINK_NOFOLLOW), path);
    const result = syscall(SYS.utimensat, folder.fd, kernelPath(name), times(member), AT_SYMLINK_NOFOLLOW);
    if (result !== -E.ENOENT) check("utimensat", result, path);
  }

  #ids({ uid, gid }: Member): { uid: number; gid: number } {
    return this.#owner === "archive" ? { uid, gid } : { uid: 0, gid: 0 };
  }

  #record(fd: number, { mode, type }: Member, uid: number, gid: number): void {
    if (this.#owner === "caller" || (uid === 0 && gid === 0 && (mode & 0o6000) === 0)) return;
    const value = Buffer.from(`${uid}:${gid}:0${(mode & 0o7777).toString(8)}:${type === "5" ? "dir" : "file"}`);
    syscall(SYS.fsetxattr, fd, OVERRIDE, value, value.length, 0);
  }
}

/** struct timespec[2] of utimensat(2). */
function times({ mtime: [seconds, nanoseconds] }: Member): BigInt64Array {
  const words = [BigInt(seconds), BigInt(nanoseconds)];
  return new BigInt64Array([...words, ...words]);
}
