/**
 * Unpacking an image's layers. Downloading, hashing, decompressing and unpacking of each layer overlap, and several layers go side
 * by side. The trees are put in place in order once the last one is done, because a layer that leaves folders out takes their
 * look from those below.
 */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import { syncFilesystem } from "../linux/sync.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import type { Lease, LocalImage, Store } from "../store/index.ts";
import type { Download } from "./download.ts";
import { Gate } from "./gate.ts";
import type { OnPullEvent } from "./progress.ts";
import { type Layer, receiveLayer, type Staged } from "./receive-layer.ts";
import { finishLayers, Workers } from "./unpack/index.ts";

/** As Docker. */
const DOWNLOADS = 3;
const PROCESSORS = Math.max(2, navigator.hardwareConcurrency);
/** One more than processors: each waits for its bytes, for the disk, or for its start now and then. */
const UNPACKS = PROCESSORS + 1;

export interface UnpackLayersOptions {
  readonly store: Store;
  readonly mapping: IdMapping;
  /** Names all blobs and layers already. */
  readonly lease: Lease;
  readonly download: Download;
  readonly signal?: AbortSignal;
  readonly onEvent?: OnPullEvent;
}

export function layersOf({ manifest, config, chainIDs, name }: LocalImage): Layer[] {
  return manifest.layers.map((descriptor, index) => {
    const [diffID, chainID] = [config.rootfs.diff_ids[index], chainIDs[index]];
    if (diffID !== undefined && chainID !== undefined) return { descriptor, diffID, chainID };
    throw new TsboxError("invalid", `cannot use ${name}: its configuration has fewer layers than its manifest`);
  });
}

/**
 * Fetches and unpacks what is missing of an image's layers. Idempotent.
 *
 * @throws TsboxError of the first layer that failed, which stops the others, or the signal's reason. Nothing is put in place then
 */
export async function unpackLayers(layers: readonly Layer[], options: UnpackLayersOptions): Promise<void> {
  const { store, mapping } = options;
  using _claims = await claimMissing(layers, options);
  using workers = new Workers(mapping);
  const staged = await stageAll(layers, options, workers);
  try {
    const trees = layers.map((layer, index) => {
      const { impliedFolders = [], pendingHardLinks = [], opaqueRoot = false } = staged[index]?.result ?? {};
      const path = staged[index]?.path ?? store.layers.path(mapping, layer.chainID);
      return { path, impliedFolders, pendingHardLinks, opaqueRoot };
    });
    await finishLayers({ layers: trees, lowerPaths: [], mapping, workers });
    // what has its name must be whole also after a power cut; one flush for all costs less than one for each
    if (staged.some((tree) => tree !== undefined)) syncFilesystem(store.layers.folder(mapping));
    for (const [index, { chainID }] of layers.entries()) {
      const tree = staged[index];
      if (tree !== undefined && store.layers.publish(tree.path, mapping, chainID)) staged[index] = undefined;
    }
  } finally {
    // after a failure all of them; otherwise those that another process was faster with
    await discard(staged, mapping);
  }
}

/** Lowest first, in every process, so that two pulls never wait for each other; who waits finds the layer done. */
async function claimMissing(layers: readonly Layer[], options: UnpackLayersOptions): Promise<DisposableStack> {
  const { store, mapping, signal, onEvent } = options;
  using claims = new DisposableStack();
  let told = false;
  const onWaiting = () => {
    if (!told) onEvent?.({ type: "note", message: "waiting for another pull of the same layers" });
    told = true;
  };
  for (const { chainID } of layers) {
    if (!store.layers.has(mapping, chainID)) claims.use(await store.layers.claim(mapping, chainID, signal, onWaiting));
  }
  return claims.move();
}

/** @returns the new trees, at the places of their layers; none where the layer was there */
async function stageAll(
  layers: readonly Layer[],
  options: UnpackLayersOptions,
  workers: Workers,
): Promise<(Staged | undefined)[]> {
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const crowded = layers.length >= PROCESSORS;
  const gates = { downloads: new Gate(DOWNLOADS), unpacks: new Gate(UNPACKS) };
  const work = { ...options, ...gates, signal, workers, crowded };
  const results = await Promise.allSettled(
    layers.map((layer) =>
      receiveLayer(layer, work).catch((cause) => {
        const error = ofLayer(cause, layer);
        // the first failure is the one that counts; it ends the others
        failed.abort(error);
        throw error;
      }),
    ),
  );
  const staged = results.map((result) => (result.status === "fulfilled" ? result.value : undefined));
  if (!signal.aborted) return staged;
  await discard(staged, options.mapping);
  throw signal.reason;
}

/** Whoever unpacks knows of bytes only, and there are several layers at once. */
function ofLayer(error: unknown, { descriptor }: Layer): unknown {
  const named = /^cannot unpack( "(?:[^"\\]|\\.)*")?(?=:)/;
  if (!(error instanceof TsboxError) || !named.test(error.message)) return error;
  const message = error.message.replace(
    named,
    (_, path: string | undefined) =>
      `cannot unpack${path === undefined ? "" : `${path} of`} layer ${descriptor.digest}`,
  );
  return new TsboxError(error.code, message, { context: error.context, cause: error });
}

async function discard(staged: readonly (Staged | undefined)[], mapping: IdMapping): Promise<void> {
  // what cannot be removed now is garbage as soon as the lease ends
  for (const tree of staged) if (tree !== undefined) await removeTree(tree.path, mapping).catch(() => {});
}

/**
 * Unpacks the layers of an image that is here from its blobs, for a mapping that lacks them.
 * @throws TsboxError `integrity` when a blob is damaged or gone, with the remedy
 */
export async function ensureLayers(
  image: LocalImage,
  options: Omit<UnpackLayersOptions, "lease" | "download">,
): Promise<void> {
  const { store, mapping } = options;
  if (store.layers.missing(mapping, image.chainIDs).length === 0) return;
  using lease = store.lease();
  lease.needBlobs(image.manifest.layers.map(({ digest }) => digest));
  lease.needLayers(mapping, image.chainIDs);
  const download: Download = async ({ digest }) => {
    throw new TsboxError(
      "integrity",
      `cannot unpack ${image.name}: the blob ${digest} is missing or damaged in the store; pull the image again`,
    );
  };
  await unpackLayers(layersOf(image), { ...options, lease, download });
}
