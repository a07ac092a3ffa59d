/** The images that are in the store, one entry for each name and platform that is here. */
import {
  type Descriptor,
  type Digest,
  hostPlatform,
  type Platform,
  parseDocument,
  platformText,
} from "../oci/index.ts";
import { entryName, type LocalImage, readImage, type Store } from "../store/index.ts";

export interface ListedImage {
  /** As it is filed; undefined for one without a name. */
  readonly name: string | undefined;
  /** Of what the name stands for: an index or a manifest. */
  readonly digest: Digest;
  /** Of the manifest, which is the same unless the name stands for an index. */
  readonly manifestDigest: Digest;
  /** The configuration's digest, which is Docker's image id. */
  readonly id: Digest;
  /** RFC 3339, as the image says. */
  readonly created: string | undefined;
  /** Bytes of configuration and layers as they were fetched. */
  readonly size: number;
  readonly platform: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Of an index only those platforms are here that were pulled; the others are passed over. */
export function platformsOf(store: Store, top: Descriptor): Platform[] {
  const bytes = store.blobs.readDocument(top);
  const document = parseDocument(bytes, top.mediaType, top.digest);
  if (document.kind === "manifest") return [hostPlatform()];
  return document.index.manifests.flatMap((entry) =>
    entry.platform !== undefined && store.blobs.has(entry) ? [entry.platform] : [],
  );
}

function listed(name: string | undefined, top: Descriptor, image: LocalImage): ListedImage {
  const { manifest, manifestDigest, config, configDigest } = image;
  return {
    name,
    digest: top.digest,
    manifestDigest,
    id: configDigest,
    created: config.created,
    size: manifest.config.size + manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    platform: platformText(config),
    labels: config.config?.Labels ?? {},
  };
}

/** Newest first. @throws TsboxError `invalid` or `integrity` when the store is damaged */
export function listImages(store: Store): ListedImage[] {
  const images = store.index.read().manifests.flatMap((top) => {
    const name = entryName(top);
    return platformsOf(store, top).flatMap((platform) => {
      const image = readImage(store, top, platform, name ?? top.digest);
      return image === undefined ? [] : [listed(name, top, image)];
    });
  });
  return images.sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));
}
