/**
 * Where files are copied from and to. A path in a container is resolved by the kernel with the container's root as its "/" (openat2(2), RESOLVE_IN_ROOT),
 * each step by descriptor: no link, nor one that is swapped meanwhile, leads out of it (CVE-2018-15664, CVE-2019-14271). Nothing of the container is
 * loaded or run. Paths have one character for each byte (latin1).
 */
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  SYS,
} from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { type Stat, statFd } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, kernelPath, lookIn, openIn, readLinkIn } from "../../rootfs/tree/index.ts";

/** The root that paths start from; undefined is the host's, for which nothing is confined. */
export type CopyRoot = Descriptor | undefined;

/** How a job names it: a descriptor that the worker was started with, a mounted folder, or the host's root. */
export type RootName = { readonly fd: number } | { readonly folder: string } | "host";

/** As many as the kernel follows in one path, path_resolution(7). */
const MOST_LINKS = 40;
/** A path with ".." is tried again when something was renamed meanwhile (openat2(2), EAGAIN); a container can keep that up. */
const ATTEMPTS = 200;

const VANISHED: readonly number[] = [E.ENOENT, E.ENOTDIR, E.ELOOP, E.ESTALE];

export function owned(fd: number): Descriptor {
  return { fd, [Symbol.dispose]: () => void syscall(SYS.close, fd) };
}

/** @throws SyscallError */
export function openRoot(name: RootName): CopyRoot {
  if (name === "host") return undefined;
  if ("fd" in name) return owned(name.fd);
  const path = Buffer.from(`${name.folder}\0`);
  return owned(check("openat", syscall(SYS.openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC)));
}

/** Opens an absolute path, links followed within the root. @returns a descriptor or -errno */
function tryOpenPath(root: CopyRoot, path: string, flags: number): number {
  if (root === undefined) return syscall(SYS.openat, AT_FDCWD, kernelPath(path), flags | O_CLOEXEC);
  const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  let fd = -E.EAGAIN;
  for (let i = 0; i < ATTEMPTS && fd === -E.EAGAIN; i++) fd = syscall(SYS.openat2, root.fd, kernelPath(path), how, 24);
  return fd;
}

/** @throws SyscallError */
export function openPath(root: CopyRoot, path: string, flags: number): Descriptor {
  return owned(check("openat2", tryOpenPath(root, path, flags), path));
}

export interface Place extends Disposable {
  /** An open folder. */
  readonly folder: Descriptor;
  /** Absolute path of it, as it was reached. */
  readonly folderPath: string;
  /** What is meant in it; "" is the folder itself. */
  readonly name: string;
  /** Of what is there; undefined when nothing is. */
  readonly stat: Stat | undefined;
}

/**
 * @param path absolute
 * @param follow whether a link in the last place is followed, as long as there are links
 * @throws SyscallError when the folder that it would be in is not there
 */
export function findPlace(root: CopyRoot, path: string, follow: boolean): Place {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const plain = at.replace(/\/+$/, "");
    const slash = plain.lastIndexOf("/");
    const name = plain.slice(slash + 1);
    if (name === "" || name === "." || name === "..") {
      const folder = openPath(root, plain === "" ? "/" : plain, O_PATH | O_DIRECTORY);
      return place(folder, plain === "" ? "/" : plain, "", statFd(folder.fd));
    }
    const folderPath = slash <= 0 ? "/" : plain.slice(0, slash);
    const folder = openPath(root, folderPath, O_PATH | O_DIRECTORY);
    const stat = lookIn(folder, name);
    if (!follow || !stat?.isLink) return place(folder, folderPath, name, stat);
    const target = readLinkIn(folder, name);
    folder[Symbol.dispose]();
    at = target.startsWith("/") ? target : `${folderPath}/${target}`;
  }
  throw new SyscallError("openat2", E.ELOOP, path);
}

function place(folder: Descriptor, folderPath: string, name: string, stat: Stat | undefined): Place {
  return { folder, folderPath, name, stat, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** Names in a folder of a tree, no link followed on the way, in order. @throws SyscallError */
export function namesIn(tree: Descriptor, path: string): string[] {
  using folder = openIn(tree, path, O_RDONLY | O_DIRECTORY);
  return listFolder("", folder.fd)
    .map(({ name }) => name)
    .sort();
}

/** Whether something went away, or was replaced by a link, between two looks at it. */
export function hasVanished(error: unknown): boolean {
  return error instanceof SyscallError && VANISHED.includes(error.errno);
}

/** For messages. */
export function shown(path: string): string {
  return Buffer.from(path, "latin1").toString();
}
