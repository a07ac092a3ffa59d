/**
 * What a layer can only get when those below are there: the look of folders it does not list, links to their files, and a root
 * that hides them all. All by descriptor, through no link (rootfs/tree/open-tree.ts): what is written is in the layer's tree.
 */
import { TsboxError } from "../../error.ts";
import { O_DIRECTORY, O_RDONLY, S_IFCHR, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import {
  copyEntry,
  copyLook,
  type Descriptor,
  findInStack,
  type InStack,
  isOpaque,
  isWhiteout,
  kernelPath,
  lookIn,
  openIn,
  openTree,
  resolveInStack,
  setOpaque,
  setTimes,
} from "../../rootfs/tree/index.ts";
import { baseOf, parentOf, shownPath } from "./bytes.ts";
import type { FinishJob, HardLink, UnfinishedLayer } from "./protocol.ts";

/** @throws TsboxError, SyscallError */
export function finish({ layers, lowerPaths }: FinishJob): void {
  syscall(SYS.umask, 0);
  using opened = new DisposableStack();
  const below = lowerPaths.map((path) => opened.use(openTree(path)));
  for (const layer of layers) {
    const tree = opened.use(openTree(layer.path));
    finishOne(layer, tree, below);
    below.unshift(tree);
  }
}

function finishOne(layer: UnfinishedLayer, tree: Descriptor, below: readonly Descriptor[]): void {
  if (layer.opaqueRoot) keepingTimes(tree, "", () => hideAll(tree, below));
  for (const path of layer.whiteouts ?? []) forgetWhiteout(path, tree, below);
  for (const link of layer.pendingHardLinks) linkBelow(link, tree, below);
  for (const implied of layer.impliedFolders) {
    // the root itself cannot be hidden, only what is in it
    if (layer.opaqueRoot && implied !== "") continue;
    // it may have been named by way of a link
    const own = resolveInStack([tree], implied);
    if (!own?.stat.isFolder || isHidden(tree, own.path)) continue;
    const found = findInStack(below, own.path);
    if (found?.stat.isFolder) takeLook(found, tree);
  }
}

/** Whether a folder above this path, in the layer itself, hides what the layers below have there. */
function isHidden(tree: Descriptor, path: string): boolean {
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    using folder = openIn(tree, path.slice(0, at), O_RDONLY | O_DIRECTORY);
    if (isOpaque(folder.fd)) return true;
  }
  return false;
}

/**
 * Removes a whiteout that hides nothing: in a folder that is in one layer only, or opaque, overlay does not look for whiteouts when
 * it lists names, so that a name would be seen there which cannot be opened.
 */
function forgetWhiteout(path: string, tree: Descriptor, below: readonly Descriptor[]): void {
  const parent = resolveInStack([tree], parentOf(path));
  if (!parent?.stat.isFolder) return;
  const own = parent.path === "" ? baseOf(path) : `${parent.path}/${baseOf(path)}`;
  const stat = lookIn(tree, own);
  // the layer itself may have something there
  if (stat === undefined || !isWhiteout(stat)) return;
  if (!isHidden(tree, own) && findInStack(below, own) !== undefined) return;
  keepingTimes(tree, parent.path, () => {
    check("unlinkat", syscall(SYS.unlinkat, tree.fd, kernelPath(own), 0), own);
  });
}

function takeLook({ tree: lower, path, stat }: InStack, tree: Descriptor): void {
  using from = openIn(lower, path, O_RDONLY | O_DIRECTORY);
  using to = openIn(tree, path, O_RDONLY | O_DIRECTORY);
  copyLook(from, to, stat);
}

function keepingTimes(tree: Descriptor, path: string, change: () => void): void {
  const before = lookIn(tree, path);
  change();
  if (before === undefined) return;
  using folder = openIn(tree, path, O_RDONLY | O_DIRECTORY);
  setTimes(folder, before);
}

/** What an opaque root means, said in a way that overlay knows: each name of the layers below is hidden by itself. */
function hideAll(tree: Descriptor, below: readonly Descriptor[]): void {
  for (const name of new Set(below.flatMap((lower) => listFolder("", lower.fd).map((entry) => entry.name)))) {
    const own = lookIn(tree, name);
    if (own === undefined) check("mknodat", syscall(SYS.mknodat, tree.fd, kernelPath(name), S_IFCHR, 0), name);
    else if (own.isFolder) {
      using folder = openIn(tree, name, O_RDONLY | O_DIRECTORY);
      check("fsetxattr", setOpaque(folder.fd), name);
    }
  }
}

/** The target is copied up into the layer, and the link made there, as overlay does when a file below gets another name. */
function linkBelow({ path, target }: HardLink, tree: Descriptor, below: readonly Descriptor[]): void {
  const found = resolveInStack([tree, ...below], target);
  if (found === undefined || found.stat.isFolder) {
    const why = found === undefined ? "is not there" : "is a folder";
    throw new TsboxError(
      "invalid",
      `cannot unpack ${shownPath(path)}: it is a hard link to ${shownPath(target)}, which ${why}`,
    );
  }
  if (found.tree !== tree) copyUp(found, tree, below);
  const parent = resolveInStack([tree], parentOf(path));
  if (!parent?.stat.isFolder)
    throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: its folder is not there`);
  keepingTimes(tree, parent.path, () => {
    using folder = openIn(tree, parent.path, O_RDONLY | O_DIRECTORY);
    const name = kernelPath(baseOf(path));
    const link = () => syscall(SYS.linkat, tree.fd, kernelPath(found.path), folder.fd, name, 0);
    let result = link();
    if (result === -E.EEXIST) {
      // the last entry of a name counts
      check("unlinkat", syscall(SYS.unlinkat, folder.fd, name, 0), path);
      result = link();
    }
    check("linkat", result, path);
  });
}

/** @param found in a layer below */
function copyUp(found: InStack, tree: Descriptor, below: readonly Descriptor[]): void {
  const { path } = found;
  const made: InStack[] = [];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const folder = path.slice(0, at);
    if (lookIn(tree, folder) !== undefined) continue;
    keepingTimes(tree, parentOf(folder), () => {
      check("mkdirat", syscall(SYS.mkdirat, tree.fd, kernelPath(folder), 0o700), folder);
    });
    const lower = findInStack(below, folder);
    if (lower !== undefined) made.push(lower);
  }
  keepingTimes(tree, parentOf(path), () => copyEntry(found, { tree, path }, found.stat));
  for (const folder of made) takeLook(folder, tree);
}
