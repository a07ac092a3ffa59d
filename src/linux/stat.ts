/** statx(2). */
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, SYS } from "./abi.gen.ts";
import { check, E } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

export interface Stat {
  /** Type and permission bits, as in `stat.st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly ino: bigint;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Of a device node. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Seconds and nanoseconds of the last modification. */
  readonly mtime: readonly [bigint, number];
  readonly isFolder: boolean;
  readonly isFile: boolean;
  readonly isLink: boolean;
}

const BASIC_STATS = 0x7ff;
// struct statx of linux/stat.h; the offsets are the same on every architecture
const SIZE = 256;

function read(name: string, result: number, path: string, buffer: Uint8Array): Stat {
  check(name, result, path);
  const view = new DataView(buffer.buffer);
  const mode = view.getUint16(28, true);
  return {
    mode,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    nlink: view.getUint32(16, true),
    ino: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    mtime: [view.getBigInt64(112, true), view.getUint32(120, true)],
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    devMajor: view.getUint32(136, true),
    devMinor: view.getUint32(140, true),
    isFolder: (mode & S_IFMT) === S_IFDIR,
    isFile: (mode & S_IFMT) === S_IFREG,
    isLink: (mode & S_IFMT) === S_IFLNK,
  };
}

/** Follows symbolic links. @throws SyscallError */
export function statPath(path: string): Stat {
  const buffer = new Uint8Array(SIZE);
  return read("statx", syscall(SYS.statx, AT_FDCWD, cstring(path), 0, BASIC_STATS, buffer), path, buffer);
}

/** Of a NUL-terminated path in bytes; does not follow a final link. @throws SyscallError */
export function statBytes(path: Uint8Array): Stat {
  const buffer = new Uint8Array(SIZE);
  const result = syscall(SYS.statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, BASIC_STATS, buffer);
  return read("statx", result, new TextDecoder().decode(path.subarray(0, -1)), buffer);
}

/** Of an open descriptor. @throws SyscallError */
export function statFd(fd: number): Stat {
  const buffer = new Uint8Array(SIZE);
  return read(
    "statx",
    syscall(SYS.statx, fd, cstring(""), AT_EMPTY_PATH, BASIC_STATS, buffer),
    `descriptor ${fd}`,
    buffer,
  );
}

/** STATX_ATTR_MOUNT_ROOT of stx_attributes, which are 8 bytes at 8. */
const MOUNT_ROOT = 0x2000n;

/** Whether an open file or folder is where a mount begins, in whatever mount namespace it was reached. Linux 5.8. @throws SyscallError */
export function isMountRoot(fd: number): boolean {
  const buffer = new Uint8Array(SIZE);
  check("statx", syscall(SYS.statx, fd, cstring(""), AT_EMPTY_PATH, BASIC_STATS, buffer));
  return (new DataView(buffer.buffer).getBigUint64(8, true) & MOUNT_ROOT) !== 0n;
}

/** Does not follow a final link; undefined when there is nothing by that name. @throws SyscallError for other failures */
export function statIfPresent(path: string, dir: number = AT_FDCWD): Stat | undefined {
  const buffer = new Uint8Array(SIZE);
  const result = syscall(SYS.statx, dir, cstring(path), AT_SYMLINK_NOFOLLOW, BASIC_STATS, buffer);
  if (result === -E.ENOENT || result === -E.ENOTDIR) return undefined;
  return read("statx", result, path, buffer);
}
