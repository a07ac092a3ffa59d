/** Documents from outside: parsed once, here, with errors that name the field. Schemas are built when first used. */
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import { type Digest, digestAlgorithm, isDigest, sha256Of } from "./digest.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, INDEX, INDEX_TYPES, MANIFEST, MANIFEST_TYPES } from "./media-types.ts";
import type { Descriptor, ImageConfig, ImageIndex, Manifest } from "./types.ts";

/** No manifest, index or configuration is larger; distribution-spec asks registries to take 4 MiB. */
export const DOCUMENT_LIMIT = 4 * 1024 * 1024;

export type ImageDocument =
  | { readonly kind: "manifest"; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

// RFC 6838, "Naming Requirements"
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

function build() {
  const digest = v.custom<Digest>(isDigest, "is not a sha256 or sha512 digest");
  const mediaType = v.pipe(v.string("is not a text"), v.regex(MEDIA_TYPE, "is not a media type"));
  const text = v.string("is not a text");
  const texts = v.array(text, "is not a list");
  const annotations = v.record(text, text, "is not a set of texts");
  const size = v.pipe(
    v.number("is not a number"),
    v.safeInteger("is not a whole number"),
    v.minValue(0, "is negative"),
  );
  const platform = v.looseObject(
    {
      os: text,
      architecture: text,
      variant: v.optional(text),
      "os.version": v.optional(text),
      "os.features": v.optional(texts),
    },
    "is not an object",
  );
  const descriptor = v.looseObject(
    {
      mediaType,
      digest,
      size,
      urls: v.optional(texts),
      annotations: v.optional(annotations),
      platform: v.optional(platform),
      artifactType: v.optional(text),
    },
    "is not a descriptor",
  );
  const schemaVersion = v.literal(2, "is not 2");
  const manifest = v.looseObject({
    schemaVersion,
    mediaType: v.optional(text),
    artifactType: v.optional(text),
    config: descriptor,
    layers: v.array(descriptor, "is not a list"),
    subject: v.optional(descriptor),
    annotations: v.optional(annotations),
  });
  const index = v.looseObject({
    schemaVersion,
    mediaType: v.optional(text),
    manifests: v.array(descriptor, "is not a list"),
    subject: v.optional(descriptor),
    annotations: v.optional(annotations),
  });
  const names = v.nullish(v.record(text, v.unknown(), "is not an object"));
  const list = v.nullish(texts);
  const number = v.optional(v.number("is not a number"));
  const healthcheck = v.looseObject(
    { Test: list, Interval: number, Timeout: number, StartPeriod: number, StartInterval: number, Retries: number },
    "is not an object",
  );
  const config = v.looseObject({
    created: v.optional(text),
    author: v.optional(text),
    architecture: text,
    os: text,
    variant: v.optional(text),
    config: v.nullish(
      v.looseObject(
        {
          User: v.optional(text),
          ExposedPorts: names,
          Env: list,
          Entrypoint: list,
          Cmd: list,
          Volumes: names,
          WorkingDir: v.optional(text),
          Labels: v.nullish(annotations),
          StopSignal: v.optional(text),
          OnBuild: list,
          Shell: list,
          ArgsEscaped: v.optional(v.boolean("is not true or false")),
          Healthcheck: v.nullish(healthcheck),
        },
        "is not an object",
      ),
    ),
    rootfs: v.looseObject(
      { type: v.literal("layers", 'is not "layers"'), diff_ids: v.array(digest, "is not a list") },
      "is not an object",
    ),
    history: v.nullish(
      v.array(
        v.looseObject({
          created: v.optional(text),
          created_by: v.optional(text),
          comment: v.optional(text),
          empty_layer: v.optional(v.boolean("is not true or false")),
        }),
        "is not a list",
      ),
    ),
  });
  return { manifest, index, config };
}

let schemas: ReturnType<typeof build> | undefined;

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

function validate(schema: v.GenericSchema, value: unknown, what: string): void {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  const missing = issue.received === "undefined" ? "is missing" : issue.message;
  throw new TsboxError("invalid", `cannot read ${what}: ${path === null ? missing : `${path} ${missing}`}`);
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
  schemas ??= build();
  validate(isIndex ? schemas.index : schemas.manifest, value, what);
  // casts: validated against the schema of that type; unknown fields stay, as the specification asks
  return isIndex
    ? { kind: "index", index: value as unknown as ImageIndex }
    : { kind: "manifest", manifest: value as unknown as Manifest };
}

/** @throws TsboxError `invalid` */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const value = parseJSON(bytes, what);
  schemas ??= build();
  validate(schemas.config, value, what);
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
