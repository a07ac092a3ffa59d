/** Manifests, indexes and configurations: what is taken, what is refused, and agreement with the official schemas. */
import { expect, test } from "bun:test";
import { TsboxError } from "../../src/error.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  describe,
  INDEX,
  layerCompression,
  MANIFEST,
  parseDocument,
  parseImageConfig,
  sha256Of,
  verifyBytes,
} from "../../src/oci/index.ts";
import { accepts } from "./image-schema.ts";

type Json = Record<string, unknown>;

const encode = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const blob = (mediaType: string, extra: Json = {}) => ({ mediaType, digest: sha256Of(mediaType), size: 7, ...extra });

const manifest: Json = {
  schemaVersion: 2,
  mediaType: MANIFEST,
  config: blob("application/vnd.oci.image.config.v1+json"),
  layers: [blob("application/vnd.oci.image.layer.v1.tar+gzip", { annotations: { a: "b" } })],
  annotations: { "org.example": "x" },
};
const index: Json = {
  schemaVersion: 2,
  mediaType: INDEX,
  manifests: [blob(MANIFEST, { platform: { os: "linux", architecture: "arm64", variant: "v8" } }), blob(MANIFEST)],
};
const config: Json = {
  created: "2024-01-01T00:00:00Z",
  architecture: "amd64",
  os: "linux",
  config: {
    User: "1:1",
    Env: ["A=b"],
    Entrypoint: ["/x"],
    Cmd: null,
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/data": {} },
    WorkingDir: "/w",
    Labels: { a: "b" },
    StopSignal: "SIGINT",
    ArgsEscaped: true,
    OnBuild: null,
    Shell: ["/bin/sh", "-c"],
    Healthcheck: { Test: ["CMD", "true"], Interval: 1e9, Retries: 3 },
  },
  rootfs: { type: "layers", diff_ids: [sha256Of("layer")] },
  history: [{ created: "2024-01-01T00:00:00Z", created_by: "x", empty_layer: true }],
};

/** A copy with the field at a path (`layers.0.size`) replaced, or removed. */
function change(document: Json, path: string, value?: unknown): Json {
  const copy = structuredClone(document);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = copy;
  for (const key of keys) at = at[key] as Json; // cast: the tests name what is there
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

function refusal(parse: () => unknown): TsboxError {
  try {
    parse();
  } catch (error) {
    if (error instanceof TsboxError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

test("a manifest and an index are told apart, whatever they are announced as", () => {
  expect(parseDocument(encode(manifest), MANIFEST, "x")).toEqual({ kind: "manifest", manifest } as never);
  expect(parseDocument(encode(index), INDEX, "x")).toEqual({ kind: "index", index } as never);
  expect(parseDocument(encode(index), undefined, "x").kind).toBe("index");
  expect(parseDocument(encode(change(manifest, "mediaType")), undefined, "x").kind).toBe("manifest");
  expect(parseDocument(encode(change(manifest, "mediaType")), MANIFEST, "x").kind).toBe("manifest");
  expect(parseDocument(encode(change(manifest, "mediaType", DOCKER_MANIFEST)), DOCKER_MANIFEST, "x").kind).toBe(
    "manifest",
  );
  expect(parseDocument(encode(change(index, "mediaType", DOCKER_LIST)), DOCKER_LIST, "x").kind).toBe("index");
});

test("fields that the specification does not know are kept", () => {
  const document = parseDocument(encode({ ...manifest, "org.example.extra": [1] }), MANIFEST, "x");
  expect(document).toMatchObject({ manifest: { "org.example.extra": [1] } });
});

test.each([
  ["both layers and manifests", { ...manifest, ...change(index, "mediaType") }, MANIFEST, "both layers and manifests"],
  ["an index with a config", { ...index, config: manifest.config }, INDEX, "both config and manifests"],
  ["another type than announced", manifest, DOCKER_MANIFEST, "announced as"],
  ["a manifest announced as an index", change(manifest, "mediaType"), INDEX, "a manifest, but was announced as"],
  ["an index announced as a manifest", change(index, "mediaType"), MANIFEST, "an index, but was announced as"],
  ["an index that says it is a manifest", change(index, "mediaType", MANIFEST), undefined, "an index, but"],
])("CVE-2021-41190: %s is refused", (_, document, mediaType, reason) => {
  const { code, message } = refusal(() => parseDocument(encode(document), mediaType, "image x"));
  expect([code, message.startsWith("cannot read image x: ")]).toEqual(["invalid", true]);
  expect(message).toContain(reason);
});

test.each([
  ["", "not JSON"],
  ["{", "not JSON"],
  ['{"schemaVersion":2}{}', "not JSON"],
  ["[]", "not a JSON object"],
  ["null", "not a JSON object"],
  ['"x"', "not a JSON object"],
])("%j is no document: %s", (text, reason) => {
  expect(refusal(() => parseDocument(encode(text), undefined, "image x")).message).toContain(reason);
  expect(refusal(() => parseImageConfig(encode(text), "image x")).message).toContain(reason);
});

test("text that is not UTF-8 is no JSON", () => {
  const bytes = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
  expect(refusal(() => parseImageConfig(bytes, "image x")).message).toContain("not JSON");
});

test("documents of other kinds are called unsupported, not broken", () => {
  const old = encode({ schemaVersion: 1, fsLayers: [] });
  expect(refusal(() => parseDocument(old, undefined, "x"))).toMatchObject({ code: "unsupported" });
  expect(refusal(() => parseDocument(encode("{}"), "text/html", "x"))).toMatchObject({ code: "unsupported" });
});

/** Each with the field that the message has to name. */
const BROKEN: readonly (readonly [kind: "manifest" | "index" | "config", path: string, value: unknown])[] = [
  ["manifest", "schemaVersion", undefined],
  ["manifest", "schemaVersion", 3],
  ["manifest", "schemaVersion", "2"],
  ["manifest", "config", undefined],
  ["manifest", "config", []],
  ["manifest", "config.digest", undefined],
  ["manifest", "config.size", -1],
  ["manifest", "layers", undefined],
  ["manifest", "layers", {}],
  ["manifest", "layers.0", null],
  ["manifest", "layers.0.mediaType", "nothing"],
  ["manifest", "layers.0.size", "7"],
  ["manifest", "layers.0.size", 1.5],
  ["manifest", "layers.0.digest", "sha256"],
  ["manifest", "layers.0.digest", `sha256:${"/".repeat(64)}`],
  ["manifest", "layers.0.annotations", { a: 1 }],
  ["manifest", "annotations", "x"],
  ["manifest", "subject", { mediaType: "a/b" }],
  ["index", "manifests", {}],
  ["index", "manifests.1", "x"],
  ["index", "manifests.0.platform", "linux"],
  ["index", "manifests.0.platform.os", undefined],
  ["index", "manifests.0.platform.architecture", 64],
  ["index", "manifests.1.urls", "x"],
  ["config", "architecture", undefined],
  ["config", "os", 1],
  ["config", "rootfs", undefined],
  ["config", "rootfs.type", "tree"],
  ["config", "rootfs.diff_ids", "x"],
  ["config", "config", "x"],
  ["config", "config.Env", "A=b"],
  ["config", "config.Cmd", ["x", 1]],
  ["config", "config.User", 0],
  ["config", "config.Labels", { a: 1 }],
  ["config", "config.Volumes", "/data"],
  ["config", "config.ArgsEscaped", "yes"],
  ["config", "history", {}],
  ["config", "history.0.empty_layer", "true"],
];

const DOCUMENTS = {
  manifest: {
    base: manifest,
    schema: "image-manifest",
    parse: (b: Uint8Array) => parseDocument(b, MANIFEST, "image x"),
  },
  index: { base: index, schema: "image-index", parse: (b: Uint8Array) => parseDocument(b, INDEX, "image x") },
  config: { base: config, schema: "config", parse: (b: Uint8Array) => parseImageConfig(b, "image x") },
} as const;

test("the documents of these tests satisfy the official schemas, and are taken", () => {
  for (const { base, schema, parse } of Object.values(DOCUMENTS)) {
    expect(accepts(schema, base)).toBe(true);
    expect(() => parse(encode(base))).not.toThrow();
  }
});

test.each(BROKEN)("%s: %s = %j is refused by name, as the official schema refuses it", (kind, path, value) => {
  const { base, schema, parse } = DOCUMENTS[kind];
  const broken = change(base, path, value);
  const { code, message } = refusal(() => parse(encode(broken)));
  expect(code).toBe("invalid");
  expect(message).toContain("image x");
  expect(message).toContain(path);
  expect(message).not.toContain("\n");
  expect(accepts(schema, broken)).toBe(false);
});

test.each([
  ["manifest", "config.digest", "sha256:abc"],
  ["manifest", "layers.0.digest", "md5:d41d8cd98f00b204e9800998ecf8427e"],
  ["config", "rootfs.diff_ids", ["sha256:x"]],
  ["config", "config.Shell", "sh"],
  ["config", "config.Healthcheck", { Test: "true" }],
] as const)("%s: %s = %j is refused although the official schema would take it", (kind, path, value) => {
  const { base, schema, parse } = DOCUMENTS[kind];
  const broken = change(base, path, value);
  expect(accepts(schema, broken)).toBe(true);
  expect(refusal(() => parse(encode(broken))).message).toContain(path);
});

test.each([
  ["manifest", "layers", []], // an image from scratch, which Docker makes
  ["config", "config", null],
  ["config", "config.Env", null],
  ["config", "config.ExposedPorts", null],
  ["config", "history", null],
] as const)(
  "%s: %s = %j is taken although the official schema would not: Go's programs write it",
  (kind, path, value) => {
    const { base, schema, parse } = DOCUMENTS[kind];
    const odd = change(base, path, value);
    expect(accepts(schema, odd)).toBe(false);
    expect(() => parse(encode(odd))).not.toThrow();
  },
);

test("what a document describes is its own digest, size and type", () => {
  const bytes = encode(manifest);
  const document = parseDocument(bytes, undefined, "x");
  expect(describe(bytes, document)).toEqual({ mediaType: MANIFEST, digest: sha256Of(bytes), size: bytes.length });
  const bare = encode(change(index, "mediaType"));
  expect(describe(bare, parseDocument(bare, undefined, "x")).mediaType).toBe(INDEX);
});

test("bytes are verified by size and by digest, of either algorithm", () => {
  const bytes = encode("abc");
  const sha512 = `sha512:${new Bun.CryptoHasher("sha512").update(bytes).digest("hex")}`;
  for (const digest of [sha256Of(bytes), sha512 as typeof sha.digest]) verifyBytes(bytes, { ...sha, digest }, "x");
  expect(refusal(() => verifyBytes(bytes, { ...sha, size: 4 }, "blob y"))).toMatchObject({ code: "integrity" });
  const other = refusal(() => verifyBytes(encode("abd"), sha, "blob y"));
  expect(other.code).toBe("integrity");
  expect(other.message).toContain(sha.digest);
});
const sha = { mediaType: "a/b", digest: sha256Of("abc"), size: 3 };

test.each([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
])("a layer of %s is compressed by %s", (mediaType, compression) => {
  expect<string>(layerCompression({ ...sha, mediaType })).toBe(compression);
});

test.each(["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "application/json", "constructor", ""])(
  "%j is no layer",
  (mediaType) => {
    expect(refusal(() => layerCompression({ ...sha, mediaType }))).toMatchObject({ code: "unsupported" });
  },
);
