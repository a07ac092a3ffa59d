/**
 * Trees by descriptor: everything is named relative to a tree's root, and no link is followed, so that nothing in a tree can
 * lead out of it. Paths have one character for each byte (latin1), because names need not be UTF-8; "" is the root itself.
 */
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  SYS,
} from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { type Stat, statFd } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";

const PATH_MAX = 4096;

/** NUL-terminated; "." for the root. */
export function kernelPath(path: string): Uint8Array {
  return Buffer.from(path === "" ? ".\0" : `${path}\0`, "latin1");
}

/** Closes itself at the end of its scope. */
export interface Descriptor extends Disposable {
  readonly fd: number;
}

export function owned(fd: number): Descriptor {
  return { fd, [Symbol.dispose]: () => void syscall(SYS.close, fd) };
}

/** Opens the root of a tree. The path is the store's own, an ordinary string. @throws SyscallError */
export function openTree(path: string): Descriptor {
  const name = Buffer.from(`${path}\0`);
  return owned(check("openat", syscall(SYS.openat, AT_FDCWD, name, O_PATH | O_DIRECTORY | O_CLOEXEC), path));
}

/** open_how of openat2(2); the three numbers change with each call. */
const how = new BigUint64Array(3);

/** @returns a descriptor, or -errno. ELOOP: the path leads through a link */
export function tryOpen(tree: Descriptor, path: string, flags: number, mode = 0): number {
  how[0] = BigInt(flags | O_CLOEXEC);
  how[1] = BigInt(mode);
  how[2] = BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  return syscall(SYS.openat2, tree.fd, kernelPath(path), how, 24);
}

/** @throws SyscallError */
export function openIn(tree: Descriptor, path: string, flags: number, mode = 0): Descriptor {
  return owned(check("openat2", tryOpen(tree, path, flags, mode), path));
}

/** What is at a path that leads through folders only; undefined when it does not, or when nothing is there. @throws SyscallError */
export function lookIn(tree: Descriptor, path: string): Stat | undefined {
  // of a link in the last place this opens the link itself, in any other it is ELOOP (openat2(2), RESOLVE_NO_SYMLINKS)
  const fd = tryOpen(tree, path, O_PATH | O_NOFOLLOW);
  if (fd === -E.ENOENT || fd === -E.ENOTDIR || fd === -E.ELOOP) return undefined;
  using entry = owned(check("openat2", fd, path));
  return statFd(entry.fd);
}

/** Where a link leads, as it was written. @throws SyscallError */
export function readLinkIn(tree: Descriptor, path: string): string {
  using link = openIn(tree, path, O_PATH | O_NOFOLLOW);
  const buffer = Buffer.alloc(PATH_MAX);
  const size = check("readlinkat", syscall(SYS.readlinkat, link.fd, Buffer.alloc(1), buffer, buffer.length), path);
  return buffer.toString("latin1", 0, size);
}
