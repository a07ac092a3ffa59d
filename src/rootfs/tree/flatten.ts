/**
 * What a stack of overlay layers shows, as plain files. Each name is looked up in the layers from the uppermost down and copied
 * once, into a folder that this made itself: nothing is ever replaced, so no link of a layer can be in the way of another.
 */
import { O_DIRECTORY, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E } from "../../linux/errno.ts";
import type { Stat } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { copyEntry, copyLook } from "./copy-entry.ts";
import { countingLayers } from "./layer-stack.ts";
import { type Descriptor, kernelPath, lookIn, openIn, openTree } from "./open-tree.ts";
import { isWhiteout } from "./overlay-format.ts";

export interface FlattenJob {
  /** Absolute paths of layers as overlay has them, lowest first. */
  readonly layers: readonly string[];
  /** Absolute path of an empty folder. */
  readonly destination: string;
}

/** A folder of the result, and the layers that it is made of, uppermost first. */
interface Merged {
  readonly path: string;
  readonly trees: readonly Descriptor[];
}

/** @throws SyscallError */
export function flatten({ layers, destination }: FlattenJob): void {
  using opened = new DisposableStack();
  const trees = layers.toReversed().map((path) => opened.use(openTree(path)));
  const target = opened.use(openTree(destination));
  syscall(SYS.umask, 0);
  /** Layer and inode to where a file with several names was copied. */
  const names = new Map<string, string>();
  const folders: Merged[] = [];
  const pending: Merged[] = [{ path: "", trees: countingLayers(trees, "") }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    folders.push(folder);
    pending.push(...copyFolder(folder, target, names));
  }
  // last, because every entry made in a folder changes its times
  for (const { path, trees } of folders) {
    const [top] = trees;
    const stat = top && lookIn(top, path);
    if (top === undefined || stat === undefined) continue;
    using from = openIn(top, path, O_RDONLY | O_DIRECTORY);
    using to = openIn(target, path, O_RDONLY | O_DIRECTORY);
    copyLook(from, to, stat);
  }
}

/** Copies what is in a folder, but for folders, which it makes and returns. */
function copyFolder({ path, trees }: Merged, target: Descriptor, names: Map<string, string>): Merged[] {
  const folders: Merged[] = [];
  const seen = new Set<string>();
  for (const [layer, tree] of trees.entries()) {
    for (const { name } of listFolder(path, tree.fd)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const entry = path === "" ? name : `${path}/${name}`;
      const stat = lookIn(tree, entry);
      if (stat === undefined || isWhiteout(stat)) continue;
      if (stat.isFolder) {
        makeFolder(target, entry);
        folders.push({ path: entry, trees: countingLayers(trees.slice(layer), entry) });
      } else copyOnce(tree, entry, target, stat, names);
    }
  }
  return folders;
}

function copyOnce(tree: Descriptor, path: string, target: Descriptor, stat: Stat, names: Map<string, string>): void {
  const key = `${tree.fd}:${stat.ino}`;
  const known = stat.nlink > 1 ? names.get(key) : undefined;
  if (known === undefined) {
    copyEntry({ tree, path }, { tree: target, path }, stat);
    if (stat.nlink > 1) names.set(key, path);
    return;
  }
  // both lead through folders that this made
  const [from, to] = [kernelPath(known), kernelPath(path)];
  check("linkat", syscall(SYS.linkat, target.fd, from, target.fd, to, 0), path);
}

function makeFolder(target: Descriptor, path: string): void {
  const made = syscall(SYS.mkdirat, target.fd, kernelPath(path), 0o700);
  if (made !== -E.EEXIST) check("mkdirat", made, path);
}
