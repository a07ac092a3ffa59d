/** Images made straight into a store, and programs that use a store from another process. */
import { join } from "node:path";
import {
  CONFIG,
  chainIDs,
  type Descriptor,
  type Digest,
  INDEX,
  LAYER_GZIP,
  MANIFEST,
  type Platform,
  sha256Of,
} from "../../src/oci/index.ts";
import { openStore, type Store } from "../../src/store/index.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/tmp.ts";

export type TestStore = TemporaryFolder & { readonly store: Store };

export function temporaryStore(): TestStore {
  const folder = temporaryFolder();
  return { ...folder, store: openStore(folder.join("store")) };
}

export const HOST: Platform = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
export const MAPPING = { name: "single" };

export const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: sha256Of(bytes), size: bytes.length };
}

export async function* pieces(bytes: Uint8Array, size = 64 * 1024): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export const from = (bytes: Uint8Array) => ({ open: async (offset: number) => pieces(bytes.subarray(offset)) });

export interface TestImage {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layer: Descriptor;
  readonly chainIDs: readonly Digest[];
}

/** A valid image of one layer that differs from others by `seed`; nothing names it yet. */
export async function putImage(store: Store, seed: string, platform: Platform = HOST): Promise<TestImage> {
  using lease = store.lease();
  const tar = new Uint8Array(10240);
  tar.set(new TextEncoder().encode(seed), 9000);
  const bytes = Bun.gzipSync(tar);
  const layer = describeBytes(LAYER_GZIP, bytes);
  const diffIDs = [sha256Of(tar)];
  const configBytes = json({
    ...platform,
    config: { Env: [`SEED=${seed}`] },
    rootfs: { type: "layers", diff_ids: diffIDs },
  });
  const config = describeBytes(CONFIG, configBytes);
  const manifestBytes = json({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] });
  const manifest = describeBytes(MANIFEST, manifestBytes);
  lease.needBlobs([layer.digest, config.digest, manifest.digest]);
  await store.blobs.receive(layer, from(bytes));
  store.blobs.putDocument(lease, config, configBytes);
  store.blobs.putDocument(lease, manifest, manifestBytes);
  return { manifest, config, layer, chainIDs: chainIDs(diffIDs) };
}

export function putIndex(store: Store, manifests: readonly Descriptor[]): Descriptor {
  using lease = store.lease();
  const bytes = json({ schemaVersion: 2, mediaType: INDEX, manifests });
  const descriptor = describeBytes(INDEX, bytes);
  lease.needBlobs([descriptor.digest]);
  store.blobs.putDocument(lease, descriptor, bytes);
  return descriptor;
}

/** What a call throws, to look at its code and message. */
export function failure(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Starts `tests/store/child.ts` with a command and the store's folder. */
export function child(command: string, store: Store, ...args: string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, "child.ts"), command, store.root, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Reads lines that a child prints, one at a time. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
