/** Owner, mode, extended attributes and times of what is unpacked. */
import { TsboxError } from "../../error.ts";
import { type IdMapping, requireMapped } from "../../idmap/index.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, SYS } from "../../linux/abi.gen.ts";
import { E } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { kernelPath, shownPath } from "./bytes.ts";
import { checkEntry } from "./failure.ts";
import type { Member } from "./tar/parser.ts";

const XATTR_PREFIX = "SCHILY.xattr.";
/**
 * The attributes that an image may give its files. Overlay's own would redirect lookups to other files, those of
 * containers/storage and fuse-overlayfs would change owners, and all of `security` but capabilities are labels that the host
 * gives. `trusted` ones need a privilege that user namespaces do not have, and are counted as skipped there.
 */
const TAKEN =
  /^(user\.(?!overlay\.|containers\.|fuseoverlayfs\.|rootlesscontainers)|trusted\.(?!overlay\.)|security\.capability$|system\.posix_acl_)/;
const DEFAULT_ACL = "system.posix_acl_default";
/** Where containers/storage and fuse-overlayfs keep ownership that could not be applied: `uid:gid:mode:type`. */
const OVERRIDE = Buffer.from("user.containers.override_stat\0");
/** (uid_t) -1 means "leave it" to chown(2). */
const HIGHEST_ID = 0xfffffffe;

/** struct timespec[2] of utimensat(2): access and modification, both the archive's. */
const times = new Uint32Array(8);

function setTimes([seconds, nanoseconds]: readonly [number, number]): void {
  times[0] = times[4] = seconds >>> 0;
  times[1] = times[5] = Math.floor(seconds / 2 ** 32);
  times[2] = times[6] = nanoseconds;
}

/** What is kept of a folder's entry until the end: every entry made in a folder changes its times. */
export type FolderLook = Pick<Member, "type" | "uid" | "gid" | "mode" | "mtime" | "pax">;

export class Metadata {
  readonly #mapping: IdMapping;
  /** Attributes that the kernel or file system refused. */
  skipped = 0;

  constructor(mapping: IdMapping) {
    this.#mapping = mapping;
  }

  /** Mode to make a file with: what {@link ofNewFile} need not change again. */
  initialMode({ mode }: FolderLook): number {
    return mode & 0o777;
  }

  /**
   * Of an open file that was just made with {@link initialMode}. Most files are root's, as they are made, and have no special
   * bits: two calls less.
   * @throws TsboxError
   */
  ofNewFile(fd: number, path: string, look: FolderLook): void {
    if (look.uid !== 0 || look.gid !== 0 || (look.mode & 0o7000) !== 0) this.#ownerAndMode(fd, path, look);
    this.#attributesAndTimes(fd, path, look);
  }

  /** Of an open file or folder. @throws TsboxError */
  ofDescriptor(fd: number, path: string, look: FolderLook): void {
    this.#ownerAndMode(fd, path, look);
    this.#attributesAndTimes(fd, path, look);
  }

  #ownerAndMode(fd: number, path: string, look: FolderLook): void {
    // chown(2) takes setuid bits and capabilities away, so it comes first
    if (this.#mapping.kind === "single") this.#recordOwner(fd, look);
    else this.#owned(syscall(SYS.fchown, fd, look.uid, look.gid), path, look);
    checkEntry("chmod", syscall(SYS.fchmod, fd, this.#mode(look)), path);
  }

  #attributesAndTimes(fd: number, path: string, look: FolderLook): void {
    if (look.pax.size > 0)
      this.#attributes(path, look, (name, value) => syscall(SYS.fsetxattr, fd, name, value, value.length, 0));
    setTimes(look.mtime);
    checkEntry("utimensat", syscall(SYS.utimensat, fd, null, times, 0), path);
  }

  /** Of something that cannot or need not be opened: symbolic links, fifos, devices. @throws TsboxError */
  ofPath(path: string, look: FolderLook): void {
    const name = kernelPath(path);
    if (this.#mapping.kind !== "single")
      this.#owned(syscall(SYS.fchownat, AT_FDCWD, name, look.uid, look.gid, AT_SYMLINK_NOFOLLOW), path, look);
    // links have no mode
    if (look.type !== "2") checkEntry("chmod", syscall(SYS.fchmodat, AT_FDCWD, name, this.#mode(look)), path);
    if (look.pax.size > 0)
      this.#attributes(path, look, (key, value) =>
        syscall(SYS.lsetxattr, kernelPath(path), key, value, value.length, 0),
      );
    setTimes(look.mtime);
    checkEntry("utimensat", syscall(SYS.utimensat, AT_FDCWD, kernelPath(path), times, AT_SYMLINK_NOFOLLOW), path);
  }

  /** @throws TsboxError `invalid`: a number too large would be cut down by the kernel, to that of root perhaps */
  checkIds(path: string, { uid, gid }: FolderLook): void {
    if (uid >= 0 && uid <= HIGHEST_ID && gid >= 0 && gid <= HIGHEST_ID) return;
    throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: ${uid}:${gid} cannot be an owner`);
  }

  #owned(result: number, path: string, { uid, gid }: FolderLook): void {
    if (result === -E.EINVAL) {
      const what = `unpack ${shownPath(path)}`;
      requireMapped(this.#mapping, "uid", uid, what);
      requireMapped(this.#mapping, "gid", gid, what);
    }
    checkEntry("chown", result, path);
  }

  /** Without subordinate ids all files are the caller's, and a setuid bit would be of the wrong user. */
  #mode({ mode }: FolderLook): number {
    return mode & (this.#mapping.kind === "single" ? 0o1777 : 0o7777);
  }

  #recordOwner(fd: number, { uid, gid, mode, type }: FolderLook): void {
    if (uid === 0 && gid === 0 && (mode & 0o6000) === 0) return;
    const text = `${uid}:${gid}:0${(mode & 0o7777).toString(8)}:${type === "5" ? "dir" : "file"}`;
    const value = Buffer.from(text);
    if (syscall(SYS.fsetxattr, fd, OVERRIDE, value, value.length, 0) < 0) this.skipped++;
  }

  #attributes(path: string, { pax, type }: FolderLook, set: (name: Uint8Array, value: Uint8Array) => number): void {
    for (const [key, value] of pax) {
      if (!key.startsWith(XATTR_PREFIX)) continue;
      const name = key.slice(XATTR_PREFIX.length);
      if (!TAKEN.test(name) || (name === DEFAULT_ACL && type !== "5")) {
        this.skipped++;
        continue;
      }
      const result = set(Buffer.from(`${name}\0`), value);
      // not every file system has every kind, nor every kind of file
      if (result === -E.EPERM || result === -E.EOPNOTSUPP || result === -E.EINVAL || result === -E.ERANGE)
        this.skipped++;
      else checkEntry(`setxattr of ${name}`, result, path);
    }
  }
}
