/** The documents of a new image: its base's with a layer more. image-spec manifest.md, config.md */
import { TsboxError } from "../../error.ts";
import {
  CONFIG,
  type ContainerDefaults,
  type Descriptor,
  type Digest,
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  type HistoryEntry,
  type ImageConfig,
  LAYER,
  LAYER_GZIP,
  layerCompression,
  MANIFEST,
  type Manifest,
  sha256Of,
} from "../../oci/index.ts";

export type ImageFormat = "oci" | "docker";

const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

export interface NewLayer {
  readonly descriptor: { readonly digest: Digest; readonly size: number };
  readonly diffID: Digest;
}

export interface NewImage {
  readonly base: { readonly manifest: Manifest; readonly config: ImageConfig };
  /** Undefined when nothing was changed. */
  readonly layer: NewLayer | undefined;
  readonly config: ContainerDefaults;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly createdBy: string;
  /** RFC 3339. */
  readonly created: string;
  readonly format: ImageFormat;
}

export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** @throws TsboxError `unsupported` for a base whose layers the format has no media types for */
export function imageDocuments(image: NewImage): { readonly manifest: Document; readonly config: Document } {
  const { base, layer, format } = image;
  const { author, comment, created, createdBy } = image;
  const config = document(format === "oci" ? CONFIG : DOCKER_CONFIG, {
    ...base.config,
    created,
    author,
    config: image.config,
    rootfs: {
      type: "layers",
      diff_ids: [...base.config.rootfs.diff_ids, ...(layer === undefined ? [] : [layer.diffID])],
    },
    history: [
      ...completeHistory(base.config),
      { created, created_by: createdBy, author, comment, ...(layer === undefined ? { empty_layer: true } : {}) },
    ],
  });
  const layers = base.manifest.layers.map((descriptor) => converted(descriptor, format));
  if (layer !== undefined)
    layers.push({ mediaType: format === "oci" ? LAYER_GZIP : `${DOCKER_LAYER}.gzip`, ...layer.descriptor });
  const mediaType = format === "oci" ? MANIFEST : DOCKER_MANIFEST;
  const manifest = document(mediaType, { schemaVersion: 2, mediaType, config: config.descriptor, layers });
  return { manifest, config };
}

/** Who reads histories counts their entries: one for each layer, empty ones where the base does not say. */
function completeHistory({ history, rootfs }: ImageConfig): readonly HistoryEntry[] {
  const entries = history ?? [];
  const told = entries.filter(({ empty_layer: empty }) => empty !== true).length;
  return [...Array.from({ length: Math.max(0, rootfs.diff_ids.length - told) }, () => ({})), ...entries];
}

function document(mediaType: string, value: object): Document {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { descriptor: { mediaType, digest: sha256Of(bytes), size: bytes.length }, bytes };
}

/** The same bytes under the other format's media type. */
function converted({ mediaType, digest, size, urls }: Descriptor, format: ImageFormat): Descriptor {
  const compression = layerCompression({ mediaType, digest, size });
  const suffix = { none: "", gzip: "gzip", zstd: "zstd" }[compression];
  const rest = { digest, size, ...(urls === undefined ? {} : { urls }) };
  // those that a registry must not be sent keep their own
  if (/nondistributable|foreign/.test(mediaType)) return { mediaType, ...rest };
  if (format === "oci") return { mediaType: suffix === "" ? LAYER : `${LAYER}+${suffix}`, ...rest };
  if (compression === "zstd")
    throw new TsboxError(
      "unsupported",
      "cannot use --format docker: the image has layers compressed with zstd; use --format oci",
    );
  return { mediaType: suffix === "" ? DOCKER_LAYER : `${DOCKER_LAYER}.${suffix}`, ...rest };
}
