/** How much containers have written: the sizes of the files of their own trees. */
import type { IdMapping } from "../idmap/index.ts";
import { type Descriptor, lookIn, openTree } from "../rootfs/tree/index.ts";
import { containerRoot } from "./container-root.ts";
import { namesIn } from "./copy/place.ts";
import type { ContainerRecord } from "./folder.ts";
import { measureTrees } from "./tree-sizes.ts";

export interface SizeJob {
  /** Absolute paths of the containers' trees. */
  readonly tops: readonly string[];
}

/**
 * The work itself, as root of a user namespace: the files belong to subordinate ids.
 * @returns bytes for each tree, -1 for one that is gone
 */
export function sizesOfTrees({ tops }: SizeJob): number[] {
  return tops.map((path) => {
    try {
      using tree = openTree(path);
      return sizeBelow(tree, "", new Set());
    } catch {
      return -1; // removed meanwhile
    }
  });
}

/** Of regular files, each counted once however many names it has; what vanishes meanwhile is passed over. */
function sizeBelow(tree: Descriptor, path: string, seen: Set<bigint>): number {
  let sum = 0;
  for (const name of namesIfThere(tree, path)) {
    const entry = path === "" ? name : `${path}/${name}`;
    const stat = lookIn(tree, entry);
    if (stat === undefined) continue;
    if (stat.isFolder) sum += sizeBelow(tree, entry, seen);
    else if (stat.isFile && !seen.has(stat.ino)) {
      if (stat.nlink > 1) seen.add(stat.ino);
      sum += stat.size;
    }
  }
  return sum;
}

function namesIfThere(tree: Descriptor, path: string): string[] {
  try {
    return namesIn(tree, path);
  } catch {
    return [];
  }
}

/**
 * Bytes by id; those that are gone are not in it. With the copy driver, which has nothing but whole trees, the image's files count.
 * @throws TsboxError `host` when their user namespace cannot be entered
 */
export async function sizesOfContainers(
  store: string,
  records: readonly ContainerRecord[],
): Promise<ReadonlyMap<string, number>> {
  const groups = new Map<string, { mapping: IdMapping; ids: string[]; tops: string[] }>();
  for (const record of records) {
    if (record.needs === undefined) continue;
    const { mapping, top } = containerRoot(store, record);
    const group = groups.get(mapping.name) ?? { mapping, ids: [], tops: [] };
    groups.set(mapping.name, group);
    group.ids.push(record.id);
    group.tops.push(top);
  }
  const sizes = new Map<string, number>();
  for (const { mapping, ids, tops } of groups.values()) {
    for (const [i, size] of (await measureTrees(tops, mapping)).entries())
      if (size !== undefined) sizes.set(ids[i] ?? "", size);
  }
  return sizes;
}
