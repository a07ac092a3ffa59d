/** Documents from outside: parsed once, here, with errors that name the field. Schemas are loaded when first used. */
import { TsboxError } from "../error.ts";
import { digestAlgorithm, sha256Of } from "./digest.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, INDEX, INDEX_TYPES, MANIFEST, MANIFEST_TYPES } from "./media-types.ts";
import type { Descriptor, ImageConfig, ImageIndex, Manifest } from "./types.ts";

/** No manifest, index or configuration is larger; distribution-spec asks registries to take 4 MiB. */
export const DOCUMENT_LIMIT = 4 * 1024 * 1024;

export type ImageDocument =
  | { readonly kind: "manifest"; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

/** Checks a document against its schema. @throws TsboxError `invalid` */
function validate(kind: "manifest" | "index" | "config", value: unknown, what: string): void {
  // not `import`: the path of `run` reaches these parsers, but calls them only when something looks wrong
  const schemas = require("./document-schemas.ts") as typeof import("./document-schemas.ts");
  schemas.validate(kind, value, what);
}

/** @throws TsboxError `invalid` for what is not JSON of an object */
export function parseJSON(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TsboxError("invalid", `cannot read ${what}: it is not JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TsboxError("invalid", `cannot read ${what}: it is not a JSON object`);
  }
  return value as Record<string, unknown>; // cast: just checked
}

/**
 * A manifest or an index, whichever the bytes are. One that could be read as both, or that says it is another than it was
 * delivered as, is refused (CVE-2021-41190).
 *
 * @param mediaType by which it was announced: a descriptor's mediaType or the Content-Type, if there was one
 * @param what for messages
 * @throws TsboxError `invalid`, or `unsupported` for Docker's schema 1
 */
export function parseDocument(bytes: Uint8Array, mediaType: string | undefined, what: string): ImageDocument {
  const value = parseJSON(bytes, what);
  if (value.schemaVersion === 1)
    throw new TsboxError("unsupported", `cannot use ${what}: it has Docker's old schema 1`);
  const ofManifest = ["layers", "config"].find((field) => field in value);
  if (ofManifest !== undefined && "manifests" in value) {
    throw new TsboxError("invalid", `cannot read ${what}: it has both ${ofManifest} and manifests`);
  }
  const own = value.mediaType;
  if (own !== undefined && mediaType !== undefined && own !== mediaType) {
    throw new TsboxError(
      "invalid",
      `cannot read ${what}: it was announced as ${mediaType}, but says that it is ${JSON.stringify(own)}`,
    );
  }
  const type = mediaType ?? own;
  const isIndex = "manifests" in value;
  if (typeof type === "string" && ![...MANIFEST_TYPES, ...INDEX_TYPES].includes(type)) {
    throw new TsboxError("unsupported", `cannot use ${what}: ${type} is not an image`);
  }
  if (typeof type === "string" && INDEX_TYPES.includes(type) !== isIndex) {
    throw new TsboxError(
      "invalid",
      `cannot read ${what}: it is ${isIndex ? "an index" : "a manifest"}, but was announced as ${type}`,
    );
  }
  validate(isIndex ? "index" : "manifest", value, what);
  // casts: validated against the schema of that type; unknown fields stay, as the specification asks
  return isIndex
    ? { kind: "index", index: value as unknown as ImageIndex }
    : { kind: "manifest", manifest: value as unknown as Manifest };
}

/** @throws TsboxError `invalid` */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const value = parseJSON(bytes, what);
  validate("config", value, what);
  return value as unknown as ImageConfig; // cast: just validated
}

/** @throws TsboxError `integrity` when the bytes are not what the descriptor promises */
export function verifyBytes(bytes: Uint8Array, descriptor: Descriptor, what: string): void {
  if (bytes.length !== descriptor.size) {
    throw new TsboxError("integrity", `cannot use ${what}: it has ${bytes.length} bytes instead of ${descriptor.size}`);
  }
  const hash = new Bun.CryptoHasher(digestAlgorithm(descriptor.digest)).update(bytes).digest("hex");
  if (descriptor.digest.endsWith(`:${hash}`)) return;
  throw new TsboxError(
    "integrity",
    `cannot use ${what}: its digest is ${digestAlgorithm(descriptor.digest)}:${hash} instead of ${descriptor.digest}`,
  );
}

/** A descriptor of a document in hand. The media type is what the document says, or what its kind is by default. */
export function describe(bytes: Uint8Array, document: ImageDocument, mediaType?: string): Descriptor {
  const own = document.kind === "index" ? document.index.mediaType : document.manifest.mediaType;
  return {
    mediaType: mediaType ?? own ?? (document.kind === "index" ? INDEX : MANIFEST),
    digest: sha256Of(bytes),
    size: bytes.length,
  };
}

export const ACCEPTED_TYPES: readonly string[] = [INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
