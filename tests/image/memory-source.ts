/** An image in memory as a source, whose blobs the test hands out as it likes. */
import { type Descriptor, type ImageSource, MANIFEST, sha256Of } from "../../src/oci/index.ts";
import { describeBytes, json, pieces } from "../store/support.ts";
import { HOST_PLATFORM } from "../support/oci-image.ts";
import { type TarEntry, writeTar } from "../support/tar.ts";

export interface MemoryLayer {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface MemoryImage {
  readonly manifest: Descriptor;
  readonly layers: readonly MemoryLayer[];
  /** Documents, by digest; tests may put others in. */
  readonly documents: Map<string, Uint8Array>;
}

export interface MemoryChanges {
  /** Made last, before the documents are written. */
  readonly manifest?: (manifest: Record<string, unknown>) => void;
  readonly config?: (config: Record<string, unknown>) => void;
}

const UNCOMPRESSED = "application/vnd.oci.image.layer.v1.tar";

/** Layers are not compressed, so that their size is what a test says. */
export function memoryImage(layers: readonly (readonly TarEntry[])[], changes: MemoryChanges = {}): MemoryImage {
  const made = layers.map((entries): MemoryLayer => {
    const bytes = writeTar(entries);
    return { bytes, descriptor: describeBytes(UNCOMPRESSED, bytes) };
  });
  const config: Record<string, unknown> = {
    ...HOST_PLATFORM,
    rootfs: { type: "layers", diff_ids: made.map(({ descriptor }) => descriptor.digest) },
  };
  changes.config?.(config);
  const configBytes = json(config);
  const manifest: Record<string, unknown> = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describeBytes("application/vnd.oci.image.config.v1+json", configBytes),
    layers: made.map(({ descriptor }) => descriptor),
  };
  changes.manifest?.(manifest);
  const manifestBytes = json(manifest);
  const documents = new Map([
    [sha256Of(configBytes) as string, configBytes],
    [sha256Of(manifestBytes) as string, manifestBytes],
  ]);
  return { manifest: describeBytes(MANIFEST, manifestBytes), layers: made, documents };
}

/** A request for a layer's bytes. */
export interface Opened {
  readonly index: number;
  readonly offset: number;
}

export interface MemorySource extends ImageSource {
  readonly opened: readonly Opened[];
}

/** @param serve gives a layer's bytes from `offset` on; all of them, in pieces, if not given */
export function memorySource(
  image: MemoryImage,
  serve: (index: number, offset: number) => AsyncIterable<Uint8Array> = (index, offset) =>
    pieces((image.layers[index]?.bytes ?? new Uint8Array()).subarray(offset)),
): MemorySource {
  const opened: Opened[] = [];
  const fetch = async ({ digest }: Descriptor) => image.documents.get(digest) ?? new Uint8Array();
  return {
    name: "memory",
    opened,
    fetch,
    resolve: async () => ({ descriptor: image.manifest, bytes: await fetch(image.manifest) }),
    async open({ digest }, offset) {
      const index = image.layers.findIndex(({ descriptor }) => descriptor.digest === digest);
      opened.push({ index, offset });
      return serve(index, offset);
    },
    async close() {},
  };
}

/** Never ends after these bytes. */
export async function* hanging(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield bytes;
  await new Promise(() => {});
}
