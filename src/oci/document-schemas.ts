/** The schemas of image-spec's documents; see `documents.ts`, which loads this file when there is something to check. */
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import { type Digest, isDigest } from "./digest.ts";

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

/** @throws TsboxError `invalid`, naming the first wrong field */
export function validate(kind: "manifest" | "index" | "config", value: unknown, what: string): void {
  schemas ??= build();
  const result = v.safeParse<v.GenericSchema>(schemas[kind], value, { abortEarly: true });
  if (result.success) return;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  const missing = issue.received === "undefined" ? "is missing" : issue.message;
  throw new TsboxError("invalid", `cannot read ${what}: ${path === null ? missing : `${path} ${missing}`}`);
}
