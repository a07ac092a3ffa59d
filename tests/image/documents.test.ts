import { expect, test } from "bun:test";
import { fetchDocuments } from "../../src/image/documents.ts";
import { type Descriptor, INDEX, sha256Of } from "../../src/oci/index.ts";
import { describeBytes, HOST, json } from "../store/support.ts";
import { type MemoryChanges, type MemoryImage, memoryImage, memorySource } from "./memory-source.ts";

const OTHER = { os: "linux", architecture: HOST.architecture === "amd64" ? "arm64" : "amd64" };

function failureOf(image: MemoryImage, platform = HOST, explicit = false) {
  return fetchDocuments(memorySource(image), platform, explicit).then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error: { code: string; message: string }) => error,
  );
}

/** An index over images, whose documents come with them. */
function indexOf(entries: readonly (readonly [MemoryImage, Partial<Descriptor>])[]): MemoryImage {
  const documents = new Map(entries.flatMap(([image]) => [...image.documents]));
  const manifests = entries.map(([{ manifest }, changes]) => ({ ...manifest, ...changes }));
  const bytes = json({ schemaVersion: 2, mediaType: INDEX, manifests });
  documents.set(sha256Of(bytes), bytes);
  return { manifest: describeBytes(INDEX, bytes), layers: [], documents };
}

const forPlatform = (platform: { os: string; architecture: string }, changes: MemoryChanges = {}) =>
  memoryImage([[{ path: platform.architecture }]], {
    ...changes,
    config: (config) => {
      Object.assign(config, platform);
      changes.config?.(config);
    },
  });

test("an index is followed to the image for the platform, through another index too", async () => {
  const [ours, theirs] = [forPlatform(HOST), forPlatform(OTHER)];
  const inner = indexOf([
    [theirs, { platform: OTHER }],
    [ours, { platform: HOST }],
  ]);
  const image = indexOf([[inner, { platform: HOST }]]);
  const found = await fetchDocuments(memorySource(image), HOST, false);
  expect(found.manifestDescriptor.digest).toBe(ours.manifest.digest);
  expect(found.documents.map(({ descriptor }) => descriptor.digest)).toEqual([
    image.manifest.digest,
    inner.manifest.digest,
    ours.manifest.digest,
    found.manifest.config.digest,
  ]);
  expect((await fetchDocuments(memorySource(inner), OTHER, true)).manifestDescriptor.digest).toBe(
    theirs.manifest.digest,
  );
});

test("a platform that there is not is said with those that there are", async () => {
  const image = indexOf([[forPlatform(OTHER), { platform: OTHER }]]);
  expect(await failureOf(image)).toMatchObject({
    code: "not-found",
    message: `cannot use memory: it is not for linux/${HOST.architecture}; it is for linux/${OTHER.architecture}`,
  });
});

test("an image without index that is for another machine is refused", async () => {
  expect(await failureOf(forPlatform(OTHER))).toMatchObject({
    code: "not-found",
    message: expect.stringContaining(`it is for linux/${OTHER.architecture}`),
  });
});

test("indexes that are nested without end are refused", async () => {
  let image = indexOf([[forPlatform(HOST), { platform: HOST }]]);
  for (let depth = 0; depth < 6; depth++) image = indexOf([[image, { platform: HOST }]]);
  expect(await failureOf(image)).toMatchObject({
    code: "invalid",
    message: expect.stringContaining("nested too deeply"),
  });
});

const HELM = "application/vnd.cncf.helm.config.v1+json";

const refused: readonly [what: string, changes: MemoryChanges, code: string, message: string][] = [
  [
    "an artifact, by its configuration",
    { manifest: (it) => Object.assign(it.config as object, { mediaType: HELM }) },
    "unsupported",
    `it is not an image that can be run, but "${HELM}"`,
  ],
  [
    "an artifact, by its type",
    {
      manifest: (it) => {
        it.artifactType = "application/spdx";
        Object.assign(it.config as object, { mediaType: "application/vnd.oci.empty.v1+json" });
      },
    },
    "unsupported",
    'it is not an image that can be run, but "application/spdx"',
  ],
  ["Docker's schema 1", { manifest: (it) => Object.assign(it, { schemaVersion: 1 }) }, "unsupported", "old schema 1"],
  [
    "an encrypted layer",
    {
      manifest: (it) => {
        const [layer] = it.layers as Descriptor[];
        it.layers = [{ ...layer, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted" }];
      },
    },
    "unsupported",
    "is not a file system layer's",
  ],
  [
    "more layers than any root can have",
    {
      manifest: (it) => {
        it.layers = Array.from({ length: 501 }, () => (it.layers as Descriptor[])[0]);
      },
    },
    "unsupported",
    "it has 501 layers, more than 500",
  ],
  [
    "a configuration with fewer layers",
    { config: (it) => Object.assign(it, { rootfs: { type: "layers", diff_ids: [] } }) },
    "invalid",
    "its manifest has 1 layers, but its configuration 0",
  ],
  [
    "a configuration with a diffID that is a path",
    { config: (it) => Object.assign(it, { rootfs: { type: "layers", diff_ids: ["../../etc"] } }) },
    "invalid",
    "rootfs.diff_ids.0",
  ],
  ["a manifest without layers", { manifest: (it) => delete it.layers }, "invalid", "layers is missing"],
];

for (const [what, changes, code, message] of refused) {
  test(`${what} is refused in one sentence`, async () => {
    const error = await failureOf(memoryImage([[{ path: "a" }]], changes));
    expect(error.message).not.toContain("\n");
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });
}

test("what is not JSON is refused", async () => {
  const bytes = new TextEncoder().encode('{"schemaVersion":2,');
  const image = memoryImage([]);
  image.documents.set(sha256Of(bytes), bytes);
  const broken = { ...image, manifest: describeBytes(image.manifest.mediaType, bytes) };
  expect(await failureOf(broken)).toMatchObject({
    code: "invalid",
    message: expect.stringContaining("it is not JSON"),
  });
});
