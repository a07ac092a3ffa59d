import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { CONFIG, type Descriptor, INDEX, MANIFEST, parseImageName } from "../../src/oci/index.ts";
import { resolveLocal, type Store } from "../../src/store/index.ts";
import { describeBytes, failure, HOST, json, putImage, putIndex, temporaryStore } from "./support.ts";

const NAME = "docker.io/library/alpine:3.20";
const alpine = parseImageName("alpine:3.20");
const digest = `sha256:${"0".repeat(64)}`;

test("an image is found by its name", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  store.index.set(NAME, image.manifest);
  expect(resolveLocal(store, alpine, HOST)).toMatchObject({
    name: NAME,
    manifestDigest: image.manifest.digest,
    configDigest: image.config.digest,
    chainIDs: [...image.chainIDs],
    config: { config: { Env: ["SEED=a"] } },
  });
  for (const other of ["alpine", "ghcr.io/library/alpine:3.20", "alpine:3.2", "oci:/x"]) {
    expect(resolveLocal(store, parseImageName(other), HOST)).toBeUndefined();
  }
});

test("nothing is found, and nothing made, where there is no store", () => {
  using folder = temporaryStore();
  expect(resolveLocal(folder.store, alpine, HOST)).toBeUndefined();
});

test("a digest finds what was pulled under a tag of the same repository, and of no other", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest } = await putImage(store, "a");
  store.index.set(NAME, manifest);
  expect(resolveLocal(store, parseImageName(`alpine@${manifest.digest}`), HOST)?.manifestDigest).toBe(manifest.digest);
  expect(resolveLocal(store, parseImageName(`alpine:x@${manifest.digest}`), HOST)).toBeDefined();
  expect(resolveLocal(store, parseImageName(`debian@${manifest.digest}`), HOST)).toBeUndefined();
});

test("an index leads to the platform that is asked for, if it is here", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const arm = { os: "linux", architecture: "arm", variant: "v7" };
  const [own, other] = [await putImage(store, "a"), await putImage(store, "b", arm)];
  const platform = { os: "linux", architecture: "s390x" };
  const absent = { ...own.manifest, digest, platform } as Descriptor;
  const index = putIndex(store, [absent, { ...other.manifest, platform: arm }, { ...own.manifest, platform: HOST }]);
  store.index.set(NAME, index);
  expect(resolveLocal(store, alpine, HOST)?.manifestDigest).toBe(own.manifest.digest);
  expect(resolveLocal(store, alpine, arm)?.manifestDigest).toBe(other.manifest.digest);
  expect(resolveLocal(store, alpine, platform)).toBeUndefined();
  expect(resolveLocal(store, alpine, { os: "linux", architecture: "ppc64le" })).toBeUndefined();
});

test("an image without its configuration is not here", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest, config } = await putImage(store, "a");
  store.index.set(NAME, manifest);
  rmSync(store.blobs.path(config.digest));
  expect(resolveLocal(store, alpine, HOST)).toBeUndefined();
});

test("a damaged manifest is named with its remedy", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest } = await putImage(store, "a");
  store.index.set(NAME, manifest);
  writeFileSync(store.blobs.path(manifest.digest), '{"schemaVersion":');
  expect(failure(() => resolveLocal(store, alpine, HOST))).toMatchObject({
    code: "integrity",
    message: expect.stringMatching(new RegExp(`${manifest.digest}.*damaged; pull the image again`)),
  });
});

/** Files a document of any content as the image: as another program could have put it there. */
function file(store: Store, mediaType: string, value: unknown): void {
  using lease = store.lease();
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : json(value);
  const descriptor = describeBytes(mediaType, bytes);
  store.blobs.putDocument(lease, descriptor, bytes);
  store.index.set(NAME, descriptor);
}

const descriptor = { mediaType: "a/b", digest, size: 1 };

test.each([
  ["not JSON", MANIFEST, "{"],
  ["a text", MANIFEST, '"x"'],
  ["a manifest without configuration", MANIFEST, { schemaVersion: 2, layers: [] }],
  ["layers that are no list", MANIFEST, { schemaVersion: 2, config: descriptor, layers: {} }],
  [
    "a digest that is a path (CVE-2024-3727)",
    MANIFEST,
    { schemaVersion: 2, config: { ...descriptor, digest: "sha256:../../../x" }, layers: [] },
  ],
  ["manifest and index at once (CVE-2021-41190)", INDEX, { schemaVersion: 2, manifests: [], layers: [] }],
  ["an index whose entry has no digest", INDEX, { schemaVersion: 2, manifests: [{ mediaType: MANIFEST, size: 1 }] }],
])("a stored document that is %s is refused", (_, mediaType, value) => {
  using folder = temporaryStore();
  file(folder.store, mediaType, value);
  expect(failure(() => resolveLocal(folder.store, alpine, HOST))).toMatchObject({ code: "invalid" });
});

const rootfs = { type: "layers", diff_ids: [] };

test.each([
  ["no rootfs", { ...HOST }],
  ["a diffID that is a path", { ...HOST, rootfs: { type: "layers", diff_ids: ["../../../../etc"] } }],
  ["Env that is a text", { ...HOST, rootfs, config: { Env: "PATH=/bin" } }],
  ["Cmd with a number", { ...HOST, rootfs, config: { Cmd: ["a", 1] } }],
  ["a User that is a number", { ...HOST, rootfs, config: { User: 0 } }],
  ["Volumes that are a text", { ...HOST, rootfs, config: { Volumes: "/data" } }],
  ["a label that is a number", { ...HOST, rootfs, config: { Labels: { a: 1 } } }],
  ["a config that is a text", { ...HOST, rootfs, config: "x" }],
  ["no architecture", { os: "linux", rootfs }],
])("a stored configuration with %s is refused", (_, value) => {
  using folder = temporaryStore();
  const { store } = folder;
  using lease = store.lease();
  const bytes = json(value);
  const config = describeBytes(CONFIG, bytes);
  store.blobs.putDocument(lease, config, bytes);
  file(store, MANIFEST, { schemaVersion: 2, config, layers: [] });
  expect(failure(() => resolveLocal(store, alpine, HOST))).toMatchObject({
    code: "invalid",
    message: expect.stringContaining(config.digest),
  });
});
