/**
 * Pull: documents, then layers. Downloading, hashing, decompressing and unpacking of each layer overlap, several layers go side by
 * side, and nothing can be seen under the image's name before all of it is verified. Killed at any moment it leaves a valid
 * store, and downloads that the next pull goes on with.
 */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import {
  chainIDs,
  type Descriptor,
  type Digest,
  hostPlatform,
  type ImageName,
  type ImageSource,
  imageNameText,
  layerCompression,
  type Platform,
} from "../oci/index.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import type { Lease, LocalImage, Store } from "../store/index.ts";
import { fetchDocuments, type ImageDocuments } from "./documents.ts";
import { Gate } from "./gate.ts";
import type { OnPullEvent } from "./progress.ts";
import { openSource, type SourceOptions } from "./source.ts";
import { finishLayers, type UnpackResult, unpackLayer } from "./unpack/index.ts";

/** As Docker. */
const DOWNLOADS = 3;
/** Each keeps a processor busy. */
const UNPACKS = Math.max(2, navigator.hardwareConcurrency);

export interface PullOptions {
  readonly name: ImageName;
  readonly store: Store;
  readonly mapping: IdMapping;
  /** What was asked for by --platform; the host's otherwise. */
  readonly platform: Platform | undefined;
  readonly source: SourceOptions;
  readonly onEvent?: OnPullEvent;
}

interface Layer {
  readonly descriptor: Descriptor;
  readonly diffID: Digest;
  readonly chainID: Digest;
}

/** A layer's tree that waits to be put in its place. */
interface Staged {
  readonly layer: Layer;
  readonly path: string;
  readonly result: UnpackResult;
}

/**
 * @returns the image, with its layers unpacked for the mapping
 * @throws TsboxError; what was downloaded stays for the next try
 */
export async function pullImage(options: PullOptions): Promise<LocalImage> {
  const source = await openSource(options.name, options.source, () => options.store.scratch());
  try {
    return await pullFrom(source, options);
  } finally {
    await source.close();
  }
}

async function pullFrom(source: ImageSource, options: PullOptions): Promise<LocalImage> {
  const { store, name, platform, mapping, onEvent } = options;
  const image = await fetchDocuments(source, platform ?? hostPlatform(), platform !== undefined);
  onEvent?.({ type: "resolved", where: source.name, digest: image.top.descriptor.digest });
  const chain = chainIDs(image.config.rootfs.diff_ids);
  using lease = store.lease();
  lease.needBlobs([
    ...image.documents.map(({ descriptor }) => descriptor.digest),
    ...image.manifest.layers.map(({ digest }) => digest),
  ]);
  lease.needLayers(mapping, chain);
  for (const { descriptor, bytes } of image.documents) await store.blobs.putDocument(lease, descriptor, bytes);
  await layers(source, image, chain, lease, options);
  const canonical = imageNameText(name);
  await store.index.set(canonical, image.top.descriptor);
  return {
    name: canonical,
    top: image.top.descriptor,
    manifestDigest: image.manifestDescriptor.digest,
    manifest: image.manifest,
    configDigest: image.manifest.config.digest,
    config: image.config,
    chainIDs: chain,
  };
}

async function layers(
  source: ImageSource,
  image: ImageDocuments,
  chain: readonly Digest[],
  lease: Lease,
  options: PullOptions,
): Promise<void> {
  const { diff_ids: diffIDs } = image.config.rootfs;
  const all = image.manifest.layers.map((descriptor, i): Layer => {
    const [diffID, chainID] = [diffIDs[i], chain[i]];
    if (diffID === undefined || chainID === undefined)
      throw new TsboxError("internal", "cannot pull: a layer has no diffID");
    return { descriptor, diffID, chainID };
  });
  await unpackLayers(all, lease, options, (descriptor, unpacking) => download(source, descriptor, unpacking, options));
}

/** Brings a blob into the store; tells `onBytes` how many of its bytes are there while it grows. */
type Provide = (descriptor: Descriptor, onBytes: ((path: string, bytes: number) => void) | undefined) => Promise<void>;

async function download(
  source: ImageSource,
  descriptor: Descriptor,
  onBytes: Parameters<Provide>[1],
  options: PullOptions,
): Promise<void> {
  const { store, onEvent, source: sourceOptions } = options;
  let path = "";
  await store.blobs.receive(descriptor, {
    open: (offset) => source.open(descriptor, offset),
    onFile: (_fd, file) => {
      path = file;
    },
    onProgress: (bytes) => {
      onEvent?.({ type: "layer", digest: descriptor.digest, state: "downloading", bytes, total: descriptor.size });
      if (path !== "") onBytes?.(path, bytes);
    },
    ...(sourceOptions.signal === undefined ? {} : { signal: sourceOptions.signal }),
  });
}

/**
 * Unpacks what is missing of an image's layers. All run side by side as far as the gates let them; the trees are put in place
 * in order once the last one is done, because a layer that leaves folders out takes their look from those below.
 */
async function unpackLayers(
  all: readonly Layer[],
  lease: Lease,
  options: PullOptions,
  provide: Provide,
): Promise<void> {
  const { store, mapping, onEvent } = options;
  const downloads = new Gate(DOWNLOADS);
  const unpacks = new Gate(UNPACKS);
  const failed = new AbortController();
  const staged: (Staged | undefined)[] = [];
  // lowest first, in every process, so that two pulls never wait for each other; who waits finds the layer done
  using claims = new DisposableStack();
  for (const { chainID } of all) {
    if (!store.layers.has(mapping, chainID))
      claims.use(await store.layers.claim(mapping, chainID, options.source.signal));
  }
  const one = async (layer: Layer, index: number) => {
    const { descriptor, chainID } = layer;
    const event = (state: "waiting" | "unpacking" | "exists" | "done", bytes: number) =>
      onEvent?.({ type: "layer", digest: descriptor.digest, state, bytes, total: descriptor.size });
    event("waiting", 0);
    if (store.layers.has(mapping, chainID)) {
      using _place = await downloads.enter(failed.signal);
      if (!store.blobs.has(descriptor)) await provide(descriptor, undefined);
      event("exists", descriptor.size);
      return;
    }
    const path = store.layers.stage(lease, mapping);
    const gates = { downloads, unpacks, signal: failed.signal };
    const onUnpacking = () => event("unpacking", descriptor.size);
    const result = await receiveAndUnpack(layer, path, options, gates, provide, onUnpacking).catch(async (error) => {
      await removeTree(path, mapping);
      throw error;
    });
    staged[index] = { layer, path, result };
    event("done", descriptor.size);
  };
  const results = await Promise.allSettled(
    all.map((layer, index) =>
      one(layer, index).catch((error) => {
        // the first failure is the one that counts; it ends the others
        if (!failed.signal.aborted) failed.abort(error);
        throw error;
      }),
    ),
  );
  if (failed.signal.aborted) {
    for (const entry of staged) if (entry !== undefined) await removeTree(entry.path, mapping);
    throw failed.signal.reason;
  }
  void results;
  try {
    await publish(all, staged, options);
  } catch (error) {
    for (const entry of staged) if (entry !== undefined) await removeTree(entry.path, mapping);
    throw error;
  }
}

interface Gates {
  readonly downloads: Gate;
  readonly unpacks: Gate;
  readonly signal: AbortSignal;
}

/**
 * The blob is unpacked while it grows, once a place is free; what was unpacked counts only if the whole blob turns out to be
 * what was promised.
 */
async function receiveAndUnpack(
  layer: Layer,
  destination: string,
  options: PullOptions,
  { downloads, unpacks, signal }: Gates,
  provide: Provide,
  onUnpacking: () => void,
): Promise<UnpackResult> {
  const { store, mapping } = options;
  const { descriptor, diffID } = layer;
  let unpacking: ReturnType<typeof unpackLayer> | undefined;
  let place: Disposable | undefined;
  let growing: { path: string; bytes: number } | undefined;
  const begin = () => {
    // renamed once it is whole
    const blobPath = store.blobs.has(descriptor) ? store.blobs.path(descriptor.digest) : (growing?.path ?? "");
    unpacking = unpackLayer({ blobPath, destination, compression: layerCompression(descriptor), diffID, mapping });
    // a failure is reported below; until then it must not count as unhandled
    unpacking.result.catch(() => {});
    return unpacking;
  };
  const advance = () => {
    if (place === undefined || growing === undefined || growing.bytes === 0) return;
    unpacking ??= begin();
    unpacking.have(growing.bytes);
  };
  const abort = () => unpacking?.abort();
  signal.addEventListener("abort", abort);
  const entered = unpacks.enter(signal).then((free) => {
    place = free;
    advance();
  });
  entered.catch(() => {});
  try {
    if (!store.blobs.has(descriptor)) {
      using _download = await downloads.enter(signal);
      await provide(descriptor, (path, bytes) => {
        growing = { path, bytes };
        advance();
      });
      // renamed by now
      growing = undefined;
    }
    await entered;
    signal.throwIfAborted();
    onUnpacking();
    unpacking ??= begin();
    unpacking.end(descriptor.size);
    return await unpacking.result;
  } catch (error) {
    unpacking?.abort();
    await unpacking?.result.catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    await entered.catch(() => {});
    place?.[Symbol.dispose]();
  }
}

async function publish(
  all: readonly Layer[],
  staged: readonly (Staged | undefined)[],
  { store, mapping }: PullOptions,
): Promise<void> {
  // all in one worker: a layer takes from those below it, whether they are in place already or not
  await finishLayers({
    layers: all.map(({ chainID }, index) => {
      const entry = staged[index];
      if (entry !== undefined) return { path: entry.path, ...entry.result };
      return { path: store.layers.path(mapping, chainID), impliedFolders: [], pendingHardLinks: [] };
    }),
    lowerPaths: [],
    mapping,
  });
  for (const [index, layer] of all.entries()) {
    const entry = staged[index];
    if (entry === undefined) continue;
    const won = store.layers.publish(entry.path, mapping, layer.chainID);
    // another pull was faster; its tree is the same
    if (!won) await removeTree(entry.path, mapping);
  }
}

/** Unpacks an image's layers again from its blobs, for a mapping that has none of them yet. */
export async function ensureLayers(image: LocalImage, options: PullOptions): Promise<void> {
  const { store, mapping } = options;
  if (store.layers.missing(mapping, image.chainIDs).length === 0) return;
  using lease = store.lease();
  lease.needLayers(mapping, image.chainIDs);
  const all = image.manifest.layers.map((descriptor, i): Layer => {
    const [diffID, chainID] = [image.config.rootfs.diff_ids[i], image.chainIDs[i]];
    if (diffID === undefined || chainID === undefined)
      throw new TsboxError("internal", "cannot unpack: a layer has no diffID");
    return { descriptor, diffID, chainID };
  });
  await unpackLayers(all, lease, options, async (descriptor) => {
    throw new TsboxError(
      "integrity",
      `cannot unpack ${image.name}: the blob ${descriptor.digest} is missing from the store; pull the image again`,
    );
  });
}
