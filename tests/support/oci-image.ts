/**
 * Writes OCI image layouts (image-spec, image-layout.md) from lists of files, the same bytes for the same input. What it
 * writes is checked against other people's tools in `oci-image.test.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TarEntry, writeTar } from "./tar.ts";

export type Compression = "gzip" | "zstd" | "none";

export type LayerSpec = {
  /** the files, or a whole archive of any bytes */
  readonly content: readonly TarEntry[] | Uint8Array<ArrayBuffer>;
  /** "gzip" if not given */
  readonly compression?: Compression;
};

/** The `config` object of an image (image-spec, config.md). */
export type ImageConfig = {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  WorkingDir?: string;
  User?: string;
  Volumes?: Record<string, object>;
  ExposedPorts?: Record<string, object>;
  StopSignal?: string;
  Labels?: Record<string, string>;
};

export type ImageSpec = {
  readonly layers: readonly LayerSpec[];
  readonly config?: ImageConfig;
  /** "latest" if not given */
  readonly tag?: string;
  /** this machine's if not given */
  readonly platform?: { architecture: string; os: string; variant?: string };
};

export type Descriptor = {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string; variant?: string };
};

export type WrittenImage = {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: Descriptor[];
};

const SUFFIX = { gzip: "+gzip", zstd: "+zstd", none: "" } as const;

export const HOST_PLATFORM = { architecture: process.arch === "arm64" ? "arm64" : "amd64", os: "linux" } as const;

export const sha256 = (bytes: string | Uint8Array): string =>
  `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

/** Writes `bytes` as a blob of the layout in `folder` and returns its descriptor. */
export function writeBlob(folder: string, mediaType: string, bytes: string | Uint8Array): Descriptor {
  const digest = sha256(bytes);
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
  return { mediaType, digest, size: Buffer.byteLength(bytes) };
}

/** Writes `oci-layout` and an `index.json` that lists `manifests`. */
export function writeIndex(folder: string, manifests: readonly Descriptor[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  writeFileSync(join(folder, "index.json"), JSON.stringify(index));
}

/** Writes the blobs of one image; its descriptor is not yet in the layout's index. */
export function writeImageBlobs(folder: string, image: ImageSpec): WrittenImage {
  const diffIDs: string[] = [];
  const layers = image.layers.map(({ content, compression = "gzip" }) => {
    const tar = content instanceof Uint8Array ? content : writeTar(content);
    diffIDs.push(sha256(tar));
    const type = `application/vnd.oci.image.layer.v1.tar${SUFFIX[compression]}`;
    return writeBlob(folder, type, compress(tar, compression));
  });
  const platform = image.platform ?? HOST_PLATFORM;
  const imageConfig = {
    created: "1970-01-01T00:00:00Z",
    ...platform,
    config: image.config ?? {},
    rootfs: { type: "layers", diff_ids: diffIDs },
  };
  const config = writeBlob(folder, "application/vnd.oci.image.config.v1+json", JSON.stringify(imageConfig));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = writeBlob(folder, mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  return { manifest: { ...manifest, platform }, config, layers };
}

/** Writes a whole layout with these images, one tag each, over whatever index was there. */
export function writeOciLayout(folder: string, ...images: ImageSpec[]): WrittenImage[] {
  const written = images.map((image) => writeImageBlobs(folder, image));
  const manifests = written.map(({ manifest }, at) => ({
    ...manifest,
    annotations: { "org.opencontainers.image.ref.name": images[at]?.tag ?? "latest" },
  }));
  writeIndex(folder, manifests);
  return written;
}

function compress(tar: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array {
  if (compression === "gzip") return Bun.gzipSync(tar, { level: 6 });
  if (compression === "zstd") return Bun.zstdCompressSync(tar);
  return tar;
}
