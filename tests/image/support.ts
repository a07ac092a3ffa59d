/** Pulling in tests: into a store of their own, with the mapping that this user gets. */
import { existsSync, readdirSync } from "node:fs";
import { chooseMapping } from "../../src/idmap/index.ts";
import type { PullEvent, PullOptions } from "../../src/image/index.ts";
import { parseImageName } from "../../src/oci/index.ts";
import type { LocalImage, Store } from "../../src/store/index.ts";

export const { mapping } = chooseMapping();

export type TestPull = PullOptions & { readonly events: PullEvent[] };

/** @param name as on the command line */
export function pullOptions(store: Store, name: string, changes: Partial<PullOptions> = {}): TestPull {
  const events: PullEvent[] = [];
  const onEvent = (event: PullEvent) => void events.push(event);
  return { store, name: parseImageName(name), mapping, platform: undefined, source: {}, onEvent, events, ...changes };
}

/** The folder that the image's uppermost layer (or another) is unpacked into. */
export function tree(store: Store, image: LocalImage, layer = -1): string {
  const chainID = image.chainIDs.at(layer);
  if (chainID === undefined) throw new Error("the image has no such layer");
  return store.layers.path(mapping, chainID);
}

/** What can be seen of images in a store: names, unpacked layers, half ones included, and temporary files but for locks. */
export function visible(store: Store): { names: number; layers: string[]; tmp: string[] } {
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  return {
    names: store.index.read().manifests.length,
    layers: list(store.layers.folder(mapping)),
    tmp: list(`${store.root}/tmp`).filter((name) => !name.startsWith("claim-")),
  };
}

export const NOTHING = { names: 0, layers: [], tmp: [] };

/** States of a pull's layers, in the order in which they were told, without repetitions. */
export function states(events: readonly PullEvent[]): string[] {
  return [...new Set(events.flatMap((event) => (event.type === "layer" ? [event.state] : [])))];
}
