/** From a source to one image's documents: the manifest for a platform and its configuration, all verified. */
import { TsboxError } from "../error.ts";
import {
  CONFIG,
  type Descriptor,
  DOCKER_CONFIG,
  type ImageConfig,
  type ImageSource,
  layerCompression,
  type Manifest,
  normalizePlatform,
  type Platform,
  parseDocument,
  parseImageConfig,
  platformText,
  samePlatform,
  selectPlatform,
} from "../oci/index.ts";

/** A document as it goes into the store. */
export interface StoredDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface ImageDocuments {
  /** The document that the name stands for: an index, or the manifest itself. */
  readonly top: StoredDocument;
  readonly manifestDescriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** All of the above, top first, each once. */
  readonly documents: readonly StoredDocument[];
}

/** An index may point to an index; deeper nests are nobody's images. */
const MAX_DEPTH = 4;

/**
 * @param explicit whether the person named the platform, so that another one is an error even without an index
 * @throws TsboxError `not-found` for a platform that there is not, `invalid`, `integrity`, `unsupported`
 */
export async function fetchDocuments(
  source: ImageSource,
  platform: Platform,
  explicit: boolean,
): Promise<ImageDocuments> {
  const top = await source.resolve();
  const documents: StoredDocument[] = [top];
  let current = top;
  for (let depth = 0; ; depth++) {
    const what = `${source.name} (${current.descriptor.digest})`;
    const document = parseDocument(current.bytes, current.descriptor.mediaType, what);
    if (document.kind === "manifest") {
      const { manifest } = document;
      checkKind(source.name, manifest);
      const bytes = await source.fetch(manifest.config);
      documents.push({ descriptor: manifest.config, bytes });
      const config = readConfig(source.name, manifest, bytes);
      checkPlatform(source.name, config, platform, explicit);
      return { top, manifestDescriptor: current.descriptor, manifest, config, documents };
    }
    if (depth >= MAX_DEPTH)
      throw new TsboxError("invalid", `cannot use ${source.name}: its index is nested too deeply`);
    const chosen = selectPlatform(document.index.manifests, platform, source.name);
    current = { descriptor: chosen, bytes: await source.fetch(chosen) };
    documents.push(current);
  }
}

/** Overlay takes 500 layers, other engines 127; a manifest has room for ten thousands, each of which would be a process. */
const LAYER_LIMIT = 500;

/** The last is what Docker 1.9 and older wrote. */
const CONFIG_TYPES: readonly string[] = [CONFIG, DOCKER_CONFIG, "application/octet-stream"];

/** Artifacts (signatures, charts) have manifests too, with a configuration of their own kind, or an empty one. */
function checkKind(name: string, { config, artifactType, layers }: Manifest): void {
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    const kind = JSON.stringify(artifactType ?? config.mediaType);
    throw new TsboxError("unsupported", `cannot use ${name}: it is not an image that can be run, but ${kind}`);
  }
  if (layers.length > LAYER_LIMIT)
    throw new TsboxError("unsupported", `cannot use ${name}: it has ${layers.length} layers, more than ${LAYER_LIMIT}`);
  for (const layer of layers) layerCompression(layer);
}

function readConfig(name: string, manifest: Manifest, bytes: Uint8Array): ImageConfig {
  const config = parseImageConfig(bytes, `the configuration of ${name}`);
  const [layers, diffIDs] = [manifest.layers.length, config.rootfs.diff_ids.length];
  if (layers !== diffIDs) {
    throw new TsboxError(
      "invalid",
      `cannot use ${name}: its manifest has ${layers} layers, but its configuration ${diffIDs}`,
    );
  }
  return config;
}

/** A manifest without an index is for one platform, which only its configuration tells. */
function checkPlatform(name: string, config: ImageConfig, wanted: Platform, explicit: boolean): void {
  if (samePlatform(config, wanted)) return;
  const own = normalizePlatform(config);
  const target = normalizePlatform(wanted);
  // a program for another machine would fail with "exec format error"; with --platform it is what was asked for elsewhere
  if (own.os === "" && own.architecture === "" && !explicit) return;
  throw new TsboxError(
    "not-found",
    `cannot use ${name}: it is not for ${platformText(target)}; it is for ${platformText(own)}`,
  );
}
