/** Copying one entry from a tree to another, with all that a tree has of it: owner, mode, attributes, times, holes. */
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFMT,
  SYS,
} from "../../linux/abi.gen.ts";
import { copyAttributes, copyData } from "../../linux/copy.ts";
import { check } from "../../linux/errno.ts";
import type { Stat } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, kernelPath, openIn, readLinkIn } from "./open-tree.ts";

/** Where an entry is: a path below the root of a tree, through folders only. */
export interface Place {
  readonly tree: Descriptor;
  readonly path: string;
}

/**
 * Copies anything but a folder to where nothing is yet.
 * @throws SyscallError
 */
export function copyEntry(from: Place, to: Place, stat: Stat): void {
  if (stat.isFile) {
    using source = openIn(from.tree, from.path, O_RDONLY | O_NOFOLLOW);
    using target = openIn(to.tree, to.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    copyData(source.fd, target.fd, stat.size);
    copyLook(source, target, stat);
    return;
  }
  const slash = to.path.lastIndexOf("/");
  using parent = openIn(to.tree, to.path.slice(0, Math.max(0, slash)), O_PATH);
  const name = kernelPath(to.path.slice(slash + 1));
  if (stat.isLink) {
    const target = kernelPath(readLinkIn(from.tree, from.path));
    check("symlinkat", syscall(SYS.symlinkat, target, parent.fd, name), to.path);
  } else {
    const { rdevMajor: major, rdevMinor: minor } = stat;
    const device = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12);
    check("mknodat", syscall(SYS.mknodat, parent.fd, name, (stat.mode & S_IFMT) | 0o600, device), to.path);
  }
  check("fchownat", syscall(SYS.fchownat, parent.fd, name, stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW), to.path);
  if (!stat.isLink) check("fchmodat", syscall(SYS.fchmodat, parent.fd, name, stat.mode & 0o7777), to.path);
  check("utimensat", syscall(SYS.utimensat, parent.fd, name, times(stat), AT_SYMLINK_NOFOLLOW), to.path);
}

/** Owner, mode, attributes and times of an open file or folder, for another. @throws SyscallError */
export function copyLook(source: Descriptor, target: Descriptor, stat: Stat): void {
  // chown(2) takes setuid bits and capabilities away, so it comes first
  check("fchown", syscall(SYS.fchown, target.fd, stat.uid, stat.gid));
  check("fchmod", syscall(SYS.fchmod, target.fd, stat.mode & 0o7777));
  copyAttributes(source.fd, target.fd);
  setTimes(target, stat);
}

/** @throws SyscallError */
export function setTimes(target: Descriptor, stat: Stat): void {
  check("utimensat", syscall(SYS.utimensat, target.fd, null, times(stat), 0));
}

function times({ mtime: [seconds, nanoseconds] }: Stat): BigInt64Array {
  return new BigInt64Array([seconds, BigInt(nanoseconds), seconds, BigInt(nanoseconds)]);
}
