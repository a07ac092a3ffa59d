/**
 * Removing a tree of any depth. Containers can nest folders deeper than any path is long and than there are descriptors, so this
 * has one open folder at a time: it goes down by name and up by "..".
 */
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E } from "../../linux/errno.ts";
import { statFd } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { kernelPath } from "./open-tree.ts";

const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

interface Level {
  readonly name: string;
  readonly inode: bigint;
  /** Folders in it that are still to be emptied. */
  readonly left: string[];
}

/**
 * Links are removed, not followed. Idempotent.
 * @throws SyscallError; EBUSY for what is mounted, ESTALE when the tree is changed meanwhile
 */
export function removeDeep(path: string): void {
  const name = Buffer.from(`${path}\0`);
  if (!removeOne(AT_FDCWD, name, path)) return;
  let fd = check("openat", syscall(SYS.openat, AT_FDCWD, name, FLAGS), path);
  try {
    const way: Level[] = [{ name: "", inode: statFd(fd).ino, left: empty(fd) }];
    for (let level = way.at(-1); level !== undefined; level = way.at(-1)) {
      const next = level.left.pop();
      if (next !== undefined) {
        fd = move(fd, next);
        way.push({ name: next, inode: statFd(fd).ino, left: empty(fd) });
        continue;
      }
      way.pop();
      const above = way.at(-1);
      if (above === undefined) break;
      fd = move(fd, "..");
      if (statFd(fd).ino !== above.inode) check("openat", -E.ESTALE, path);
      check("unlinkat", syscall(SYS.unlinkat, fd, kernelPath(level.name), AT_REMOVEDIR), level.name);
    }
  } finally {
    syscall(SYS.close, fd);
  }
  check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, name, AT_REMOVEDIR), path);
}

/** @returns true for a folder that is not empty */
function removeOne(dir: number, name: Uint8Array, shown: string): boolean {
  const gone = syscall(SYS.unlinkat, dir, name, 0);
  if (gone === 0 || gone === -E.ENOENT) return false;
  if (gone !== -E.EISDIR && gone !== -E.EPERM) check("unlinkat", gone, shown);
  const folder = syscall(SYS.unlinkat, dir, name, AT_REMOVEDIR);
  if (folder === 0 || folder === -E.ENOENT) return false;
  if (folder !== -E.ENOTEMPTY && folder !== -E.EEXIST) check("unlinkat", folder, shown);
  return true;
}

/** Removes what is no folder, and empty folders. @returns the names of the others */
function empty(fd: number): string[] {
  return listFolder("", fd)
    .map(({ name }) => name)
    .filter((name) => removeOne(fd, kernelPath(name), name));
}

function move(fd: number, name: string): number {
  let next = syscall(SYS.openat, fd, kernelPath(name), FLAGS);
  if (next === -E.EACCES) {
    // our own folder without our own permission, such as overlay's work folder
    syscall(SYS.fchmodat, fd, kernelPath(name), 0o700);
    next = syscall(SYS.openat, fd, kernelPath(name), FLAGS);
  }
  check("openat", next, name);
  syscall(SYS.close, fd);
  return next;
}
