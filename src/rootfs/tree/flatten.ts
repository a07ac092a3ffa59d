/** What a stack of overlay layers shows, as plain files. overlayfs.rst. */
import { TsboxError } from "../../error.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  S_IFCHR,
  S_IFMT,
  SYS,
} from "../../linux/abi.gen.ts";
import { copyAttributes, copyData } from "../../linux/copy.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E } from "../../linux/errno.ts";
import { type Stat, statBytes } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import type { CopyJob } from "./copy.ts";

/** Paths have one character for each byte (latin1), because names need not be UTF-8. */
const kernel = (path: string) => Buffer.from(`${path}\0`, "latin1");
const latin1 = (path: string) => Buffer.from(path).toString("latin1");

/** @throws TsboxError, SyscallError */
export function flatten({ layers, destination }: CopyJob): void {
  syscall(SYS.umask, 0);
  const target = latin1(destination);
  const times: [string, Stat][] = [];
  for (const layer of layers) copyLayer(latin1(layer), target, times);
  // folders last and deepest first: making entries in them changed their times
  for (const [path, stat] of times.reverse()) setTimes(path, stat);
}

function copyLayer(layer: string, target: string, times: [string, Stat][]): void {
  /** Inode to where it was copied, for hard links within the layer. */
  const links = new Map<bigint, string>();
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const from = `${layer}${path}`;
    const to = `${target}${path}`;
    const stat = statBytes(kernel(from));
    copyFolder(from, to, stat);
    times.push([to, stat]);
    for (const { name } of listFolder(from)) {
      const entry = `${path}/${name}`;
      const entryStat = statBytes(kernel(`${layer}${entry}`));
      if (entryStat.isFolder) pending.push(entry);
      else copyEntry(`${layer}${entry}`, `${target}${entry}`, entryStat, links);
    }
  }
}

function copyFolder(from: string, to: string, stat: Stat): void {
  const source = check(
    "openat",
    syscall(SYS.openat, AT_FDCWD, kernel(from), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
    from,
  );
  try {
    if (isOpaque(source)) remove(to);
    let made = syscall(SYS.mkdirat, AT_FDCWD, kernel(to), 0o700);
    if (made === -E.EEXIST && !isFolder(to)) {
      remove(to);
      made = syscall(SYS.mkdirat, AT_FDCWD, kernel(to), 0o700);
    }
    if (made !== -E.EEXIST) check("mkdirat", made, to);
    const own = check(
      "openat",
      syscall(SYS.openat, AT_FDCWD, kernel(to), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
      to,
    );
    try {
      metadata(own, stat);
      copyAttributes(source, own);
    } finally {
      syscall(SYS.close, own);
    }
  } finally {
    syscall(SYS.close, source);
  }
}

function isFolder(path: string): boolean {
  const fd = syscall(SYS.openat, AT_FDCWD, kernel(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) syscall(SYS.close, fd);
  return fd >= 0;
}

function isOpaque(fd: number): boolean {
  const value = new Uint8Array(8);
  return syscall(SYS.fgetxattr, fd, kernel("user.overlay.opaque"), value, value.length) === 1 && value[0] === 0x79;
}

function copyEntry(from: string, to: string, stat: Stat, links: Map<bigint, string>): void {
  remove(to);
  const type = stat.mode & S_IFMT;
  // overlay's whiteout
  if (type === S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0) return;
  const known = stat.nlink > 1 ? links.get(stat.ino) : undefined;
  if (known !== undefined) {
    check("linkat", syscall(SYS.linkat, AT_FDCWD, kernel(known), AT_FDCWD, kernel(to), 0), to);
    return;
  }
  if (stat.nlink > 1) links.set(stat.ino, to);
  if (stat.isFile) copyFile(from, to, stat);
  else if (stat.isLink) copyLink(from, to, stat);
  else {
    check(
      "mknodat",
      syscall(SYS.mknodat, AT_FDCWD, kernel(to), stat.mode, (stat.rdevMinor & 0xff) | (stat.rdevMajor << 8)),
      to,
    );
    check("fchownat", syscall(SYS.fchownat, AT_FDCWD, kernel(to), stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW), to);
    setTimes(to, stat);
  }
}

function copyFile(from: string, to: string, stat: Stat): void {
  const source = check("openat", syscall(SYS.openat, AT_FDCWD, kernel(from), O_RDONLY | O_NOFOLLOW | O_CLOEXEC), from);
  try {
    const own = check(
      "openat",
      syscall(SYS.openat, AT_FDCWD, kernel(to), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600),
      to,
    );
    try {
      copyData(source, own, stat.size);
      metadata(own, stat);
      copyAttributes(source, own);
    } finally {
      syscall(SYS.close, own);
    }
    setTimes(to, stat);
  } finally {
    syscall(SYS.close, source);
  }
}

function copyLink(from: string, to: string, stat: Stat): void {
  const text = new Uint8Array(4097);
  const size = check("readlinkat", syscall(SYS.readlinkat, AT_FDCWD, kernel(from), text, text.length - 1), from);
  text.fill(0, size);
  check("symlinkat", syscall(SYS.symlinkat, text, AT_FDCWD, kernel(to)), to);
  check("fchownat", syscall(SYS.fchownat, AT_FDCWD, kernel(to), stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW), to);
  setTimes(to, stat);
}

/** Owner before mode and attributes, because chown(2) takes setuid bits and capabilities away. */
function metadata(fd: number, stat: Stat): void {
  check("fchown", syscall(SYS.fchown, fd, stat.uid, stat.gid));
  check("fchmod", syscall(SYS.fchmod, fd, stat.mode & 0o7777));
}

function setTimes(path: string, { mtime: [seconds, nanoseconds] }: Stat): void {
  const times = new BigInt64Array([seconds, BigInt(nanoseconds), seconds, BigInt(nanoseconds)]);
  const result = syscall(SYS.utimensat, AT_FDCWD, kernel(path), times, AT_SYMLINK_NOFOLLOW);
  // a folder that a higher layer removed again
  if (result !== -E.ENOENT) check("utimensat", result, path);
}

/** Without recursion, so that no depth of folders is too much. */
function remove(path: string): void {
  const gone = syscall(SYS.unlinkat, AT_FDCWD, kernel(path), 0);
  if (gone === 0 || gone === -E.ENOENT) return;
  const pending = [path];
  while (pending.length > 0) {
    const folder = pending.at(-1) ?? path;
    const before = pending.length;
    for (const { name, type } of listFolder(folder)) {
      if (type === 4) pending.push(`${folder}/${name}`);
      else check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, kernel(`${folder}/${name}`), 0), folder);
    }
    if (pending.length > before) continue;
    pending.pop();
    check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, kernel(folder), AT_REMOVEDIR), folder);
  }
}

/** `tsbox __tree`: a {@link CopyJob} as JSON on standard input. */
export async function treeWorkerMain(): Promise<number> {
  const job = JSON.parse(await Bun.stdin.text()) as CopyJob; // cast: only tsbox starts it
  try {
    flatten(job);
  } catch (cause) {
    throw new TsboxError("io", `cannot copy the image's layers: ${(cause as Error).message}`, { cause }); // cast: SyscallError
  }
  return 0;
}
