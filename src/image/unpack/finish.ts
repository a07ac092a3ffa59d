/** What a layer can only get when those below are there: the look of folders it does not list, and links to their files. */
import { TsboxError } from "../../error.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  SYS,
} from "../../linux/abi.gen.ts";
import { copyAttributes, copyData } from "../../linux/copy.ts";
import { check } from "../../linux/errno.ts";
import { type Stat, statFd } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { kernelPath, parentOf, shownPath } from "./bytes.ts";
import type { FinishJob, HardLink } from "./protocol.ts";

/** Opens a path below a tree's root, through no link; undefined when it is not there. */
function openBelow(tree: number, path: string, flags: number): number | undefined {
  const how = new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    0n,
    BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
  ]);
  const fd = syscall(SYS.openat2, tree, kernelPath(path), how, 24);
  return fd < 0 ? undefined : fd;
}

function withTree<T>(path: string, use: (fd: number) => T): T {
  const fd = check(
    "openat",
    syscall(SYS.openat, AT_FDCWD, Buffer.from(`${path}\0`), O_PATH | O_DIRECTORY | O_CLOEXEC),
    path,
  );
  try {
    return use(fd);
  } finally {
    syscall(SYS.close, fd);
  }
}

/** The nearest tree below that has something at this path, opened O_PATH. */
function findBelow(lowerPaths: readonly string[], path: string): { fd: number; tree: string; stat: Stat } | undefined {
  for (const tree of lowerPaths) {
    const fd = withTree(tree, (root) => openBelow(root, path, O_PATH | O_NOFOLLOW));
    if (fd !== undefined) return { fd, tree, stat: statFd(fd) };
  }
  return undefined;
}

/** @throws TsboxError, SyscallError */
export function finish({ layers, lowerPaths }: FinishJob): void {
  for (const { path, impliedFolders, pendingHardLinks } of layers) {
    withTree(path, (tree) => {
      for (const link of pendingHardLinks) copyBelow(tree, link, lowerPaths);
      // the deepest first: making things in a folder changes its time
      for (const folder of impliedFolders.toSorted((a, b) => b.length - a.length)) takeLook(tree, folder, lowerPaths);
    });
  }
}

function takeLook(tree: number, path: string, lowerPaths: readonly string[]): void {
  const below = findBelow(lowerPaths, path);
  if (below === undefined) return;
  const own = openBelow(tree, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (own !== undefined && below.stat.isFolder) {
      applyMetadata(own, below.stat);
      const source = withTree(below.tree, (root) => openBelow(root, path, O_RDONLY | O_DIRECTORY));
      if (source !== undefined) {
        copyAttributes(source, own);
        syscall(SYS.close, source);
      }
      setTime(own, below.stat);
    }
  } finally {
    if (own !== undefined) syscall(SYS.close, own);
    syscall(SYS.close, below.fd);
  }
}

function applyMetadata(fd: number, stat: Stat): void {
  check("fchown", syscall(SYS.fchown, fd, stat.uid, stat.gid));
  check("fchmod", syscall(SYS.fchmod, fd, stat.mode & 0o7777));
}

function setTime(fd: number, { mtime: [seconds, nanoseconds] }: Stat): void {
  const times = new BigInt64Array([seconds, BigInt(nanoseconds), seconds, BigInt(nanoseconds)]);
  check("utimensat", syscall(SYS.utimensat, fd, null, times, 0));
}

/** A hard link into a lower layer becomes a copy, as overlayfs itself would make of it on the first write. */
function copyBelow(tree: number, { path, target }: HardLink, lowerPaths: readonly string[]): void {
  const below = findBelow(lowerPaths, target);
  if (below === undefined || below.stat.isFolder) {
    if (below !== undefined) syscall(SYS.close, below.fd);
    throw new TsboxError(
      "invalid",
      `cannot unpack ${shownPath(path)}: it is a hard link to ${shownPath(target)}, which is not there`,
    );
  }
  const parent = openBelow(tree, parentOf(path) || ".", O_PATH | O_DIRECTORY);
  if (parent === undefined)
    throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: its folder is not there`);
  const name = kernelPath(path.slice(path.lastIndexOf("/") + 1));
  try {
    if (below.stat.isLink) {
      const text = new Uint8Array(4096);
      const size = check("readlinkat", syscall(SYS.readlinkat, below.fd, Buffer.from("\0"), text, text.length));
      const link = new Uint8Array(size + 1);
      link.set(text.subarray(0, size));
      check("symlinkat", syscall(SYS.symlinkat, link, parent, name), path);
      check("fchownat", syscall(SYS.fchownat, parent, name, below.stat.uid, below.stat.gid, AT_SYMLINK_NOFOLLOW), path);
      return;
    }
    if (!below.stat.isFile)
      throw new TsboxError(
        "invalid",
        `cannot unpack ${shownPath(path)}: it is a hard link to ${shownPath(target)}, which is no file`,
      );
    const source = withTree(below.tree, (root) => openBelow(root, target, O_RDONLY | O_NOFOLLOW));
    const own = check(
      "openat",
      syscall(SYS.openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600),
      path,
    );
    try {
      if (source !== undefined) copyData(source, own, below.stat.size);
      applyMetadata(own, below.stat);
      if (source !== undefined) copyAttributes(source, own);
      setTime(own, below.stat);
    } finally {
      syscall(SYS.close, own);
      if (source !== undefined) syscall(SYS.close, source);
    }
  } finally {
    syscall(SYS.close, parent);
    syscall(SYS.close, below.fd);
  }
}
