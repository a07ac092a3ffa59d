/** Images: pulling, reading other transports, unpacking. What needs the network or workers is loaded when it is used. */
import type { Store } from "../store/index.ts";

export type { ImageFiles } from "./disk-usage.ts";
export { ensureImage, findImage, type PullPolicy, shownName } from "./ensure.ts";
export { findListed } from "./find-by-id.ts";
export { type ListedImage, listImages } from "./list.ts";
export type { OnPullEvent, PullEvent } from "./progress.ts";
export type { PrunedImages, PruneImages } from "./prune.ts";
export type { PullOptions } from "./pull.ts";
export { removeImage } from "./remove.ts";
export type { SourceOptions } from "./source.ts";

/** See `disk-usage.ts`. */
export async function imageFiles(store: Store): Promise<import("./disk-usage.ts").ImageFiles[]> {
  return (await import("./disk-usage.ts")).imageFiles(store);
}

/** See `prune.ts`. */
export async function pruneImages(
  store: Store,
  options: import("./prune.ts").PruneImages,
): Promise<import("./prune.ts").PrunedImages> {
  return await (await import("./prune.ts")).pruneImages(store, options);
}

/** See `find-by-id.ts`, which few need: it reads every image that is here. */
export async function nameById(store: Store, operand: string): Promise<string | undefined> {
  return (await import("./find-by-id.ts")).nameById(store, operand);
}
