/** Looking things up in a stack of overlay layers as overlay itself would, without mounting it. */
import { O_DIRECTORY, O_RDONLY } from "../../linux/abi.gen.ts";
import { E, SyscallError } from "../../linux/errno.ts";
import type { Stat } from "../../linux/stat.ts";
import { type Descriptor, lookIn, openIn, readLinkIn } from "./open-tree.ts";
import { isOpaque, isWhiteout } from "./overlay-format.ts";

/** As many as the kernel follows in one path, path_resolution(7). */
const MOST_LINKS = 40;

export interface InStack {
  /** The uppermost layer that has it. */
  readonly tree: Descriptor;
  readonly path: string;
  readonly stat: Stat;
}

/**
 * What the stack shows at a path, no link followed.
 * @param trees uppermost first
 * @returns undefined when nothing is there, when it is hidden, or when the path leads through something that is no folder
 * @throws SyscallError
 */
export function findInStack(trees: readonly Descriptor[], path: string): InStack | undefined {
  const prefixes = [""];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) prefixes.push(path.slice(0, at));
  if (path !== "") prefixes.push(path);
  for (const tree of trees) {
    let opaque = false;
    for (const prefix of prefixes) {
      const stat = lookIn(tree, prefix);
      if (stat === undefined) break;
      if (isWhiteout(stat)) return undefined;
      if (prefix === path) return { tree, path, stat };
      if (!stat.isFolder) return undefined;
      using folder = openIn(tree, prefix, O_RDONLY | O_DIRECTORY);
      opaque ||= isOpaque(folder.fd);
    }
    if (opaque) return undefined;
  }
  return undefined;
}

/**
 * Like {@link findInStack}, with links in all but the last place followed inside the stack, whose root is "/" to them.
 * @throws SyscallError ELOOP when links lead in a circle
 */
export function resolveInStack(trees: readonly Descriptor[], path: string): InStack | undefined {
  const left = path.split("/").reverse();
  let at = "";
  let links = 0;
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    const next = at === "" ? part : `${at}/${part}`;
    const found = findInStack(trees, next);
    if (found === undefined) return undefined;
    if (left.length === 0) return found;
    if (!found.stat.isLink) {
      at = next;
      continue;
    }
    if (++links > MOST_LINKS) throw new SyscallError("openat2", E.ELOOP, path);
    const target = readLinkIn(found.tree, next);
    if (target.startsWith("/")) at = "";
    left.push(...target.split("/").reverse());
  }
  return findInStack(trees, at);
}

/**
 * The layers whose folder at a path counts: down to the first that hides those below.
 * @param trees uppermost first, all of which show the folder above this path
 * @throws SyscallError
 */
export function countingLayers(trees: readonly Descriptor[], path: string): Descriptor[] {
  const counting: Descriptor[] = [];
  for (const tree of trees) {
    const stat = lookIn(tree, path);
    if (stat === undefined) continue;
    if (!stat.isFolder) break;
    counting.push(tree);
    using folder = openIn(tree, path, O_RDONLY | O_DIRECTORY);
    if (isOpaque(folder.fd)) break;
  }
  return counting;
}
