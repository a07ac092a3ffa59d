/** Media types: image-spec media-types.md, Docker's "image manifest version 2, schema 2". */
import { TsboxError } from "../error.ts";
import type { Descriptor } from "./types.ts";

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar";
export const LAYER_GZIP = `${LAYER}+gzip`;

export const MANIFEST_TYPES: readonly string[] = [MANIFEST, DOCKER_MANIFEST];
export const INDEX_TYPES: readonly string[] = [INDEX, DOCKER_LIST];

export type Compression = "none" | "gzip" | "zstd";

const LAYERS = new Map<string, Compression>([
  [LAYER, "none"],
  [LAYER_GZIP, "gzip"],
  [`${LAYER}+zstd`, "zstd"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
]);

/** @throws TsboxError `unsupported` for a media type that is not a layer's: an artifact, or an encrypted layer */
export function layerCompression({ mediaType, digest }: Descriptor): Compression {
  const compression = LAYERS.get(mediaType);
  if (compression !== undefined) return compression;
  throw new TsboxError(
    "unsupported",
    `cannot unpack layer ${digest}: its media type ${JSON.stringify(mediaType)} is not a file system layer's`,
  );
}
