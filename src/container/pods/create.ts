/** `tsbox pod create` */

import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import { lockFile } from "../../linux/lock.ts";
import { randomHex } from "../../linux/random.ts";
import { replaceFile } from "../../linux/write-text.ts";
import type { DNSOptions, ExtraHost, NetworkMode, PublishedPort } from "../../network/index.ts";
import { madeUpName } from "../made-up-name.ts";
import { checkName, claimName, nameOwner } from "../names.ts";
import { lockIfPresent, makePodFolder, type PodRecord, podFolder, readPod, type SharedNamespace } from "./folder.ts";
import { discardPod } from "./remove.ts";

export const DEFAULT_SHARE: readonly SharedNamespace[] = ["ipc", "net", "uts"];

export interface NewPod {
  /** A name is made up without. */
  readonly name: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly share: readonly SharedNamespace[];
  /** The pod's name without. */
  readonly hostname: string | undefined;
  readonly network: NetworkMode | undefined;
  readonly networkName: string | undefined;
  readonly ports: readonly PublishedPort[];
  readonly dns: DNSOptions;
  readonly addHosts: readonly ExtraHost[];
  readonly shmSize?: number | undefined;
  readonly mapping: IdMapping;
  readonly restartPolicy?: PodRecord["restartPolicy"];
}

/** @throws TsboxError `exists` when a pod has the name, `usage` for names and networks that cannot be */
export function createPod(store: string, wish: NewPod): PodRecord {
  if (wish.name !== undefined) checkName(wish.name);
  if (wish.network?.mode === "container")
    throw new TsboxError("unsupported", "cannot create a pod with --network=container: a pod has a network of its own");
  if (!wish.share.includes("net") && (wish.ports.length > 0 || wish.network !== undefined)) {
    throw new TsboxError(
      "usage",
      `cannot use ${wish.ports.length > 0 ? "--publish" : "--network"}: the containers of the pod do not share a network (--share)`,
    );
  }
  const id = randomHex(32);
  const folder = makePodFolder(store, id);
  // until it is whole: what a kill left of one that nobody makes any more gives way
  using _lock = lockFile(`${folder}/lock`, { mode: "exclusive" });
  let name: string | undefined;
  try {
    name = claim(store, wish.name, id);
    const record: PodRecord = {
      id,
      name,
      created: Date.now(),
      labels: wish.labels,
      share: wish.share,
      // what sethostname(2) takes
      hostname: wish.hostname ?? name.slice(0, 63).replaceAll("_", "-"),
      network: wish.network,
      networkName: wish.networkName,
      ports: wish.ports,
      dns: wish.dns,
      addHosts: wish.addHosts,
      shmSize: wish.shmSize,
      mapping: wish.mapping.name,
      restartPolicy: wish.restartPolicy,
    };
    replaceFile(`${folder}/pod.json`, JSON.stringify(record), 0o600);
    return record;
  } catch (error) {
    discardPod(store, id, name);
    throw error;
  }
}

function claim(store: string, asked: string | undefined, id: string): string {
  for (let attempt = 0; ; attempt++) {
    const name = asked ?? madeUpName(attempt);
    try {
      claimName(store, "pods", name, id);
      return name;
    } catch (error) {
      const taken = error instanceof TsboxError && error.code === "exists";
      if (!taken || attempt > 50) throw error;
      if (asked !== undefined && (attempt > 0 || !sweepOwner(store, asked))) throw error;
    }
  }
}

/** @returns whether the name's owner was no pod but what a kill left of one, half made or half removed, and is gone now */
function sweepOwner(store: string, name: string): boolean {
  const owner = nameOwner(store, "pods", name);
  if (owner === undefined || readPod(store, owner) !== undefined) return false;
  const lock = lockIfPresent(`${podFolder(store, owner)}/lock`);
  // somebody is at work on it
  if (lock === undefined) return false;
  try {
    // it may have become whole in between
    if (readPod(store, owner) !== undefined) return false;
    discardPod(store, owner, name);
    return true;
  } finally {
    if (lock !== "gone") lock[Symbol.dispose]();
  }
}
