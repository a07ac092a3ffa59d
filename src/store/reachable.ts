/** What must stay: everything that the index, containers and running pulls lead to. */
import {
  chainIDs,
  type Descriptor,
  type Digest,
  digestHex,
  MANIFEST,
  parseDocument,
  parseImageConfig,
} from "../oci/index.ts";
import { readContainers } from "./containers.ts";
import type { LeaseNeeds } from "./lease.ts";
import type { Store } from "./store.ts";

export interface Reachable {
  readonly blobs: ReadonlySet<string>;
  /** Hexadecimal chain ids that images have, for whatever mapping. */
  readonly layers: ReadonlySet<string>;
  /** `<mapping>/<hexadecimal chain id>` that one container or pull has. */
  readonly exactLayers: ReadonlySet<string>;
}

/**
 * @param leases of processes that are alive
 * @throws TsboxError when a document that is reachable cannot be read: what it leads to is not known then
 */
export function markReachable(store: Store, leases: readonly LeaseNeeds[]): Reachable {
  const blobs = new Set<string>();
  const layers = new Set<string>();
  const exactLayers = new Set<string>();
  const mark = { store, blobs, layers };
  for (const entry of store.index.read().manifests) markDocument(mark, entry);
  for (const { manifest, mapping, layers: chain } of readContainers(store.root)) {
    markManifestDigest(mark, manifest);
    for (const chainID of chain) exactLayers.add(`${mapping}/${digestHex(chainID)}`);
  }
  for (const lease of leases) {
    for (const digest of lease.blobs) blobs.add(digest);
    for (const layer of lease.layers) exactLayers.add(layer);
  }
  return { blobs, layers, exactLayers };
}

interface Mark {
  readonly store: Store;
  readonly blobs: Set<string>;
  readonly layers: Set<string>;
}

/** Documents that are not here are other platforms', and lead nowhere. */
function markDocument(mark: Mark, descriptor: Descriptor): void {
  const { store, blobs } = mark;
  if (blobs.has(descriptor.digest)) return;
  blobs.add(descriptor.digest);
  if (!store.blobs.has(descriptor)) return;
  const bytes = store.blobs.readDocument(descriptor);
  const document = parseDocument(bytes, descriptor.mediaType, `blob ${descriptor.digest}`);
  if (document.kind === "index") {
    for (const child of document.index.manifests) markDocument(mark, child);
    return;
  }
  const { config, layers } = document.manifest;
  for (const { digest } of [config, ...layers]) blobs.add(digest);
  if (!store.blobs.has(config)) return;
  const { rootfs } = parseImageConfig(store.blobs.readDocument(config), `blob ${config.digest}`);
  for (const chainID of chainIDs(rootfs.diff_ids)) mark.layers.add(digestHex(chainID));
}

/** A container's image may have lost its name; its blobs stay, so that it can be unpacked for another mapping. */
function markManifestDigest(mark: Mark, digest: Digest): void {
  const size = mark.store.blobs.size(digest);
  if (size === undefined) return;
  const document = parseDocument(mark.store.blobs.readDocument({ digest, size }), undefined, `blob ${digest}`);
  if (document.kind === "manifest")
    markDocument(mark, { mediaType: document.manifest.mediaType ?? MANIFEST, digest, size });
}
