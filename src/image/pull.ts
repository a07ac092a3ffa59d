/**
 * Pull: documents, then layers, at last the name. Nothing can be seen under the image's name before all of it is verified. Killed at
 * any moment it leaves a valid store, and downloads that the next pull goes on with.
 */
import type { IdMapping } from "../idmap/index.ts";
import {
  chainIDs,
  hostPlatform,
  type ImageName,
  type ImageSource,
  imageNameText,
  type Platform,
} from "../oci/index.ts";
import type { LocalImage, Store } from "../store/index.ts";
import { cleanUp } from "./clean-up.ts";
import { fetchDocuments } from "./documents.ts";
import { downloadFrom } from "./download.ts";
import { layersOf, unpackLayers } from "./layers.ts";
import type { OnPullEvent } from "./progress.ts";
import { openSource, type SourceOptions } from "./source.ts";

export interface PullOptions {
  readonly name: ImageName;
  readonly store: Store;
  readonly mapping: IdMapping;
  /** What was asked for by --platform; the host's otherwise. */
  readonly platform: Platform | undefined;
  readonly source: SourceOptions;
  readonly onEvent?: OnPullEvent;
}

/**
 * @returns the image, with its layers unpacked for the mapping
 * @throws TsboxError, or the signal's reason; what was downloaded stays for the next try
 */
export async function pullImage(options: PullOptions): Promise<LocalImage> {
  const { onEvent } = options;
  const told = onEvent && { onRetry: (message: string) => onEvent({ type: "note", message }) };
  const source = await openSource(options.name, { ...told, ...options.source }, () => options.store.scratch());
  try {
    return await pullFrom(source, options);
  } finally {
    await source.close();
  }
}

/** Like {@link pullImage}, from a source that the caller closes. */
export async function pullFrom(source: ImageSource, options: PullOptions): Promise<LocalImage> {
  const { store, mapping, onEvent } = options;
  const documents = await fetchDocuments(source, options.platform ?? hostPlatform(), options.platform !== undefined);
  const { top, manifest, config } = documents;
  onEvent?.({ type: "resolved", where: source.name, digest: top.descriptor.digest });
  const image: LocalImage = {
    name: imageNameText(options.name),
    top: top.descriptor,
    manifestDigest: documents.manifestDescriptor.digest,
    manifest,
    configDigest: manifest.config.digest,
    config,
    chainIDs: chainIDs(config.rootfs.diff_ids),
  };
  {
    using lease = store.lease();
    lease.needBlobs(
      [...documents.documents.map(({ descriptor }) => descriptor), ...manifest.layers].map((it) => it.digest),
    );
    lease.needLayers(mapping, image.chainIDs);
    for (const { descriptor, bytes } of documents.documents) store.blobs.putDocument(lease, descriptor, bytes);
    const { signal } = options.source;
    await unpackLayers(layersOf(image), {
      store,
      mapping,
      lease,
      download: downloadFrom(source, store, onEvent),
      ...(signal === undefined ? {} : { signal }),
      ...(onEvent === undefined ? {} : { onEvent }),
    });
    store.index.set(image.name, image.top);
  }
  await cleanUp(store, onEvent);
  return image;
}
