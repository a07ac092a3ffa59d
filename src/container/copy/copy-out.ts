/** From a tree to an archive. */
import { TsboxError } from "../../error.ts";
import { END_OF_ARCHIVE, packEntry } from "../../image/tar-writer/index.ts";
import {
  CGROUP_SUPER_MAGIC,
  CGROUP2_SUPER_MAGIC,
  DEVPTS_SUPER_MAGIC,
  O_DIRECTORY,
  O_RDONLY,
  PROC_SUPER_MAGIC,
  SYS,
  SYSFS_MAGIC,
} from "../../linux/abi.gen.ts";
import { E, SyscallError } from "../../linux/errno.ts";
import type { Stat } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, lookIn, openIn } from "../../rootfs/tree/index.ts";
import { type CopyRoot, findPlace, hasVanished, namesIn, openRoot, type RootName } from "./place.ts";
import type { ByteOutput } from "./stream.ts";

export interface CopyOutJob {
  readonly root: RootName;
  /** Absolute, latin1. A slash at the end: it has to be a folder. */
  readonly path: string;
  /** Follow a link in the last place. */
  readonly follow: boolean;
  /** What it is called in the archive. */
  readonly name: string;
  readonly ownersRecorded: boolean;
  /** For messages: `web:/etc/hosts`. */
  readonly shown: string;
}

/** The kernel's own file systems: what they show is no file. Docker does not show them to `cp` at all. */
const KERNELS: readonly number[] = [
  PROC_SUPER_MAGIC,
  SYSFS_MAGIC,
  CGROUP_SUPER_MAGIC,
  CGROUP2_SUPER_MAGIC,
  DEVPTS_SUPER_MAGIC,
];

/** @throws SyscallError, TsboxError */
export function copyOut(job: CopyOutJob, output: ByteOutput): void {
  for (const bytes of packPath(openRoot(job.root), job)) output.write(bytes);
}

/** @throws SyscallError; TsboxError `not-found` */
export function* packPath(root: CopyRoot, job: Omit<CopyOutJob, "root">): Generator<Uint8Array> {
  const wantsFolder = job.path.endsWith("/");
  using source = find(root, job, job.follow || wantsFolder);
  if (source.stat === undefined) throw missing(job.shown);
  if (wantsFolder && !source.stat.isFolder)
    throw new TsboxError("invalid", `cannot copy ${job.shown}: it is not a folder`);
  const names = new Map<string, string>();
  yield* pack({ tree: source.folder, ownersRecorded: job.ownersRecorded, names }, source.name, job.name, source.stat);
  yield END_OF_ARCHIVE;
}

function find(root: CopyRoot, job: Omit<CopyOutJob, "root">, follow: boolean) {
  try {
    return findPlace(root, job.path, follow);
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR))
      throw missing(job.shown);
    throw error;
  }
}

function missing(what: string): TsboxError {
  return new TsboxError("not-found", `cannot copy ${what}: no such file or folder`);
}

interface Packing {
  readonly tree: Descriptor;
  readonly ownersRecorded: boolean;
  /** Device and inode of files with several names to the first of them in the archive. */
  readonly names: Map<string, string>;
}

function* pack(packing: Packing, path: string, name: string, stat: Stat): Generator<Uint8Array> {
  const { tree, ownersRecorded, names } = packing;
  const key = `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
  const shared = !stat.isFolder && stat.nlink > 1;
  const linkTo = shared ? names.get(key) : undefined;
  if (shared && linkTo === undefined) names.set(key, name);
  const written = yield* unlessVanished(packEntry({ tree, path, name, stat, linkTo, ownersRecorded, sparse: true }));
  if (!stat.isFolder || !written || isKernels(tree, path)) return;
  for (const child of childrenOf(tree, path)) {
    const inner = path === "" ? child : `${path}/${child}`;
    const found = lookIn(tree, inner);
    if (found !== undefined) yield* pack(packing, inner, `${name}/${child}`, found);
  }
}

/** Passes all on, or nothing when it is gone before the first byte. @returns whether there was something */
export function* unlessVanished(member: Generator<Uint8Array>): Generator<Uint8Array, boolean> {
  let first: IteratorResult<Uint8Array>;
  try {
    first = member.next();
  } catch (error) {
    if (hasVanished(error)) return false;
    throw error;
  }
  if (first.done) return false;
  yield first.value;
  yield* member;
  return true;
}

function childrenOf(tree: Descriptor, path: string): string[] {
  try {
    return namesIn(tree, path);
  } catch (error) {
    if (hasVanished(error)) return [];
    throw error;
  }
}

function isKernels(tree: Descriptor, path: string): boolean {
  try {
    using folder = openIn(tree, path, O_RDONLY | O_DIRECTORY);
    const buffer = new Uint32Array(30);
    return syscall(SYS.fstatfs, folder.fd, buffer) === 0 && KERNELS.includes(buffer[0] ?? 0);
  } catch (error) {
    if (hasVanished(error)) return true;
    throw error;
  }
}
