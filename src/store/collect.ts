/**
 * Garbage collection: removes blobs, layers and temporary files that no image, container or running pull needs.
 *
 * Deciding and unlinking happen under the exclusive lock of `hold.ts`, so nobody can find a thing and have it taken away before he has
 * said that he needs it. Trees are only renamed under the lock, which is quick, and removed after it. Killed at any instant it
 * leaves what it has not come to, for the next one.
 */

import { randomHex } from "../linux/random.ts";
import { exists } from "../linux/read-text.ts";
import { list } from "./containers.ts";
import { writing } from "./failure.ts";
import { holdStore } from "./hold.ts";
import { DEAD_PREFIX, STAGED_PREFIX } from "./layers.ts";
import { fs } from "./node-fs.ts";
import { markReachable, type Reachable } from "./reachable.ts";
import type { Store } from "./store.ts";
import { sweepTemporary } from "./sweep-temporary.ts";

export interface CollectOptions {
  /** Removes a folder with all in it, files of subordinate ids included; no failure when it is gone already. */
  removeTree(path: string): Promise<void>;
  /** Partial downloads that nobody is at are kept for so many milliseconds after their last byte came; a day if not given. */
  readonly keepPartials?: number;
}

export interface Collected {
  readonly blobs: number;
  readonly layers: number;
  /** Of the blobs; layers are not measured. */
  readonly bytes: number;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * @throws TsboxError `invalid` or `integrity` when it cannot be known what is needed; nothing was removed then
 */
export async function collectGarbage(store: Store, options: CollectOptions): Promise<Collected> {
  const nothing = { blobs: 0, layers: 0, bytes: 0 };
  if (!exists(`${store.root}/oci-layout`)) return nothing;
  const { swept, dead } = decide(store, options.keepPartials ?? DAY);
  for (const path of dead) await options.removeTree(path);
  return swept;
}

function decide(store: Store, keepPartials: number): { swept: Collected; dead: string[] } {
  return writing("changes", store.root, () => {
    using _held = holdStore(store.root, "exclusive");
    const { leases, alive } = sweepTemporary(store.root, keepPartials);
    // leases first: a pull that ends meanwhile has written the index before it lets go of its lease
    const reachable = markReachable(store, leases);
    const { blobs, bytes } = sweepBlobs(store.root, reachable);
    const { layers, dead } = sweepLayers(store.root, reachable, alive);
    return { swept: { blobs, layers, bytes }, dead };
  });
}

function sweepBlobs(root: string, reachable: Reachable): { blobs: number; bytes: number } {
  let [blobs, bytes] = [0, 0];
  for (const algorithm of list(`${root}/blobs`)) {
    for (const hex of list(`${root}/blobs/${algorithm}`)) {
      if (reachable.blobs.has(`${algorithm}:${hex}`)) continue;
      const path = `${root}/blobs/${algorithm}/${hex}`;
      bytes += fs().lstatSync(path).size;
      fs().rmSync(path, { recursive: true });
      blobs += 1;
    }
  }
  return { blobs, bytes };
}

/** @param alive ids of leases whose process runs */
function sweepLayers(
  root: string,
  reachable: Reachable,
  alive: ReadonlySet<string>,
): { layers: number; dead: string[] } {
  const dead: string[] = [];
  let layers = 0;
  for (const mapping of list(`${root}/layers`)) {
    const folder = `${root}/layers/${mapping}`;
    for (const name of list(folder)) {
      const path = `${folder}/${name}`;
      if (name.startsWith(DEAD_PREFIX)) dead.push(path);
      else if (name.startsWith(STAGED_PREFIX)) {
        const lease = name.slice(STAGED_PREFIX.length, name.lastIndexOf("-"));
        if (!alive.has(lease)) dead.push(path);
      } else if (!reachable.layers.has(name) && !reachable.exactLayers.has(`${mapping}/${name}`)) {
        // to the same folder: see layers.ts
        const away = `${folder}/${DEAD_PREFIX}${randomHex(8)}`;
        fs().renameSync(path, away);
        dead.push(away);
        layers += 1;
      }
    }
  }
  return { layers, dead };
}
