/** What each image has on disk. */
import { type Digest, digestHex } from "../oci/index.ts";
import { entryName, readImage, type Store } from "../store/index.ts";
import { platformsOf } from "./list.ts";

export interface ImageFiles {
  /** As it is filed; undefined for one without a name. */
  readonly name: string | undefined;
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** RFC 3339. */
  readonly created: string | undefined;
  /** Bytes of blobs by their digests. */
  readonly blobs: ReadonlyMap<string, number>;
  /** Names of its unpacked layers in the folder of each mapping. */
  readonly layers: readonly string[];
}

/** One for each name and platform. @throws TsboxError when the store is damaged */
export function imageFiles(store: Store): ImageFiles[] {
  return store.index.read().manifests.flatMap((top) => {
    const name = entryName(top);
    return platformsOf(store, top).flatMap((platform) => {
      const image = readImage(store, top, platform, name ?? top.digest);
      if (image === undefined) return [];
      const { manifest, manifestDigest, config, configDigest, chainIDs } = image;
      const digests = [
        top.digest,
        manifestDigest,
        ...[manifest.config, ...manifest.layers].map(({ digest }) => digest),
      ];
      const blobs = new Map(digests.flatMap((digest): [string, number][] => sized(digest, store.blobs.size(digest))));
      return {
        name,
        id: configDigest,
        manifestDigest,
        created: config.created,
        blobs,
        layers: chainIDs.map(digestHex),
      };
    });
  });
}

/** A layer's blob may not be kept once it is unpacked. */
function sized(digest: string, size: number | undefined): [string, number][] {
  return size === undefined ? [] : [[digest, size]];
}
