/** From an archive of changes to an image in the store. */
import { Gzip } from "fflate";
import { TsboxError } from "../../error.ts";
import {
  type ContainerDefaults,
  type Digest,
  type ImageName,
  imageNameText,
  MANIFEST,
  parseDigest,
  parseDocument,
  parseImageConfig,
} from "../../oci/index.ts";
import type { Lease, Store } from "../../store/index.ts";
import { END_OF_ARCHIVE } from "../tar-writer/index.ts";
import { type ImageFormat, imageDocuments, type NewLayer } from "./documents.ts";

export interface CommitOptions {
  readonly store: Store;
  /** Digest of the manifest of the image that the changes are of. */
  readonly base: Digest;
  /** The changes, as a layer's archive that is not compressed; the pieces are not kept. */
  readonly layer: AsyncIterable<Uint8Array>;
  /** The new image's configuration, made of the base's. */
  readonly config: (base: ContainerDefaults) => ContainerDefaults;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  /** What history says of the layer. */
  readonly createdBy: string;
  readonly format: ImageFormat;
  /** Without one it is found by its id. */
  readonly name: ImageName | undefined;
}

/** As gzip(1). */
const LEVEL = 6;
/** What is compressed at a time. Another number makes other bytes of the same archive. */
const PIECE = 1024 * 1024;

/**
 * Nothing of it is seen until all of it is there; a kill leaves what the next clean-up removes. What had the name before loses it.
 * @returns the image's id: the digest of its configuration
 * @throws TsboxError
 */
export async function commitImage(options: CommitOptions): Promise<Digest> {
  const { store, format, name } = options;
  using lease = store.lease();
  const base = readBase(store, lease, options.base);
  const config = options.config(base.config.config ?? {});
  const layer = await storeLayer(store, lease, options.layer);
  const { author, comment, createdBy } = options;
  const created = new Date().toISOString();
  const documents = imageDocuments({ base, layer, config, author, comment, createdBy, created, format });
  lease.needBlobs([documents.config.descriptor.digest, documents.manifest.descriptor.digest]);
  for (const { descriptor, bytes } of [documents.config, documents.manifest])
    store.blobs.putDocument(lease, descriptor, bytes);
  const { architecture, os, variant } = base.config;
  const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  const top = { ...documents.manifest.descriptor, platform };
  if (name === undefined) store.index.keep(top);
  else store.index.set(imageNameText(name), top);
  return documents.config.descriptor.digest;
}

function readBase(store: Store, lease: Lease, digest: Digest) {
  const gone = (what: string) =>
    new TsboxError(
      "not-found",
      `cannot commit: ${what} of the container's image is not in the store; pull the image again`,
    );
  lease.needBlobs([digest]);
  const size = store.blobs.size(digest);
  if (size === undefined) throw gone("the manifest");
  const document = parseDocument(store.blobs.readDocument({ digest, size }), undefined, `blob ${digest}`);
  if (document.kind !== "manifest") throw gone("the manifest");
  const { manifest } = document;
  lease.needBlobs([manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)]);
  for (const layer of manifest.layers) if (!store.blobs.has(layer)) throw gone(`layer ${layer.digest}`);
  const config = parseImageConfig(store.blobs.readDocument(manifest.config), `blob ${manifest.config.digest}`);
  return { manifest: { ...manifest, mediaType: manifest.mediaType ?? MANIFEST }, config };
}

/** fflate and no other, so that the same changes are the same bytes on every processor and with every version. */
async function storeLayer(
  store: Store,
  lease: Lease,
  archive: AsyncIterable<Uint8Array>,
): Promise<NewLayer | undefined> {
  using blob = store.blobs.compose(lease);
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  const gzip = new Gzip({ level: LEVEL, mtime: 0 }, (bytes) => blob.write(bytes));
  for await (const bytes of evenPieces(archive)) {
    hash.update(bytes);
    size += bytes.length;
    gzip.push(bytes);
  }
  if (size === END_OF_ARCHIVE.length) return undefined; // nothing was changed
  gzip.push(new Uint8Array(), true);
  return { descriptor: blob.finish(), diffID: parseDigest(`sha256:${hash.digest("hex")}`) };
}

/**
 * All pieces are of one size but for the last: where a piece ends shows in what fflate writes, and what a pipe gives at a time is chance.
 */
async function* evenPieces(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // a new one for each piece: fflate goes back to the bytes before
  let piece = new Uint8Array(PIECE);
  let filled = 0;
  for await (const bytes of archive) {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(PIECE - filled, bytes.length - at);
      piece.set(bytes.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < PIECE) continue;
      yield piece;
      piece = new Uint8Array(PIECE);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
