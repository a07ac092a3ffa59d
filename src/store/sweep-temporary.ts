/** Clearing `tmp/` of what ended processes left. Called under the store's exclusive lock, by garbage collection. */

import { E } from "../linux/errno.ts";
import { tryLockFile } from "../linux/lock.ts";
import { statIfPresent } from "../linux/stat.ts";
import { list } from "./containers.ts";
import { errnoOf } from "./failure.ts";
import { CLAIM_PREFIX } from "./layers.ts";
import { LEASE_PREFIX, type LeaseNeeds } from "./lease.ts";
import { fs } from "./node-fs.ts";
import { PARTIAL_PREFIX } from "./receive.ts";

export interface LiveLeases {
  readonly leases: readonly LeaseNeeds[];
  readonly alive: ReadonlySet<string>;
}

/** Files of other names are written and renamed in one go; so old, they are left from a kill. */
const STALE = 60 * 60 * 1000;

/**
 * @param keepPartials milliseconds
 * @returns the leases of processes that run
 */
export function sweepTemporary(root: string, keepPartials: number): LiveLeases {
  const leases: LeaseNeeds[] = [];
  const alive = new Set<string>();
  for (const name of list(`${root}/tmp`)) {
    const path = `${root}/tmp/${name}`;
    if (name.startsWith(LEASE_PREFIX)) {
      const needs = liveNeeds(path);
      if (needs === undefined) fs().rmSync(path, { recursive: true, force: true });
      else {
        leases.push(needs);
        alive.add(name.slice(LEASE_PREFIX.length));
      }
    } else if (name.startsWith(PARTIAL_PREFIX)) removeIfFree(path, keepPartials);
    else if (name.startsWith(CLAIM_PREFIX)) removeIfFree(path, 0);
    else if (age(path) > STALE) fs().rmSync(path, { recursive: true, force: true });
  }
  return { leases, alive };
}

/** @returns undefined when the lease's process is gone */
function liveNeeds(folder: string): LeaseNeeds | undefined {
  const path = `${folder}/lock`;
  if (statIfPresent(path) === undefined) return undefined;
  const lock = tryLockFile(path, { mode: "exclusive", create: false });
  lock?.[Symbol.dispose]();
  if (lock !== undefined) return undefined;
  try {
    // whole: it is written under the store's lock
    return JSON.parse(fs().readFileSync(`${folder}/needs.json`, "utf8")) as LeaseNeeds; // cast: lease.ts writes it
  } catch (error) {
    if (errnoOf(error) === E.ENOENT) return { blobs: [], layers: [] }; // taken a moment ago
    throw error;
  }
}

/** Its lock is taken first, so that nobody begins to use it while it goes. */
function removeIfFree(path: string, minimumAge: number): void {
  if (age(path) < minimumAge) return;
  const lock = tryLockFile(path, { mode: "exclusive" });
  if (lock === undefined) return;
  fs().rmSync(path, { force: true });
  lock[Symbol.dispose]();
}

/** Milliseconds since it was last written. */
function age(path: string): number {
  const modified = statIfPresent(path)?.mtime;
  return modified === undefined ? 0 : Date.now() - Number(modified[0]) * 1000;
}
