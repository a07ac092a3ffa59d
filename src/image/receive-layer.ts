/** One layer, from wherever its blob is to a tree that waits to be put in its place. */
import type { IdMapping } from "../idmap/index.ts";
import { type Descriptor, type Digest, layerCompression } from "../oci/index.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import type { Lease, Store } from "../store/index.ts";
import type { Download } from "./download.ts";
import type { Gate } from "./gate.ts";
import type { OnPullEvent, PullEvent } from "./progress.ts";
import { type Unpacking, type UnpackResult, unpackLayer, type Workers } from "./unpack/index.ts";

export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffID: Digest;
  readonly chainID: Digest;
}

/** A whole tree. Its owner removes it, or puts it in its place. */
export interface Staged {
  readonly path: string;
  readonly result: UnpackResult;
}

export interface LayerWork {
  readonly store: Store;
  readonly mapping: IdMapping;
  readonly lease: Lease;
  readonly download: Download;
  readonly downloads: Gate;
  readonly unpacks: Gate;
  readonly workers: Workers;
  /** Whether there are layers enough to keep all processors busy. */
  readonly crowded: boolean;
  readonly signal: AbortSignal;
  readonly onEvent?: OnPullEvent;
}

type LayerState = Extract<PullEvent, { type: "layer" }>["state"];

/**
 * @returns undefined when its tree is in place already; its blob is then fetched all the same if it is missing
 * @throws TsboxError, or the signal's reason; no tree is left then
 */
export async function receiveLayer(layer: Layer, work: LayerWork): Promise<Staged | undefined> {
  const { store, mapping, signal } = work;
  const { descriptor, chainID } = layer;
  const tell = (state: LayerState, bytes: number) =>
    work.onEvent?.({ type: "layer", digest: descriptor.digest, state, bytes, total: descriptor.size });
  tell("waiting", 0);
  if (store.layers.has(mapping, chainID)) {
    if (!store.blobs.has(descriptor)) {
      using _place = await work.downloads.enter(signal);
      await work.download(descriptor, signal);
    }
    tell("exists", descriptor.size);
    return undefined;
  }
  const wasHere = store.blobs.has(descriptor);
  let staged: Staged;
  try {
    staged = await receiveAndUnpack(layer, work, tell);
  } catch (error) {
    // a blob that the disk has damaged since it was stored is worth another try, with a fresh one
    if (!wasHere || signal.aborted || (await store.blobs.verify(descriptor))) throw error;
    store.blobs.discard(descriptor.digest);
    staged = await receiveAndUnpack(layer, work, tell);
  }
  tell("done", descriptor.size);
  return staged;
}

/**
 * The blob is unpacked while it grows, once a place is free; what was unpacked counts only if the whole blob turns out to be
 * what was promised.
 */
async function receiveAndUnpack(
  { descriptor, diffID }: Layer,
  work: LayerWork,
  tell: (state: LayerState, bytes: number) => void,
): Promise<Staged> {
  const { store, mapping, lease, signal, workers, crowded } = work;
  const compression = layerCompression(descriptor);
  const abandoned: Attempt[] = [];
  let attempt: Attempt | undefined;
  let growing: { readonly path: string; readonly bytes: number } | undefined;
  let place: Disposable | undefined;
  const begin = (blobPath: string): Attempt => {
    const path = store.layers.stage(lease, mapping);
    const unpacking = unpackLayer({ blobPath, destination: path, compression, diffID, mapping, workers, crowded });
    // a failure is reported when the result is asked for; until then it must not count as unhandled
    unpacking.result.catch(() => {});
    return { path, unpacking };
  };
  const advance = () => {
    if (place === undefined || growing === undefined || growing.bytes === 0) return;
    // renamed between the last bytes and the end of the download
    attempt ??= begin(store.blobs.has(descriptor) ? store.blobs.path(descriptor.digest) : growing.path);
    attempt.unpacking.have(growing.bytes);
  };
  const onBytes = (path: string, bytes: number) => {
    if (attempt !== undefined && bytes < (growing?.bytes ?? 0)) {
      // what an earlier pull had left was wrong, and so is what was made of it
      abandoned.push(attempt);
      attempt.unpacking.abort();
      attempt = undefined;
    }
    growing = { path, bytes };
    advance();
  };
  const stop = () => attempt?.unpacking.abort();
  signal.addEventListener("abort", stop);
  // a download that failed must not wait for its turn to unpack
  const over = new AbortController();
  const entered = work.unpacks.enter(AbortSignal.any([signal, over.signal])).then((free) => {
    place = free;
    advance();
  });
  entered.catch(() => {});
  try {
    if (!store.blobs.has(descriptor)) {
      using _place = await work.downloads.enter(signal);
      await work.download(descriptor, signal, onBytes);
    }
    await entered;
    signal.throwIfAborted();
    tell("unpacking", descriptor.size);
    attempt ??= begin(store.blobs.path(descriptor.digest));
    attempt.unpacking.end(descriptor.size);
    return { path: attempt.path, result: await attempt.unpacking.result };
  } catch (error) {
    if (attempt !== undefined) abandoned.push(attempt);
    // a worker that was stopped knows no reason
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", stop);
    for (const { path, unpacking } of abandoned) {
      unpacking.abort();
      await unpacking.result.catch(() => {});
      // what cannot be removed now is garbage as soon as the lease ends
      await removeTree(path, mapping).catch(() => {});
    }
    over.abort();
    await entered.catch(() => {});
    place?.[Symbol.dispose]();
  }
}

interface Attempt {
  readonly path: string;
  readonly unpacking: Unpacking;
}
