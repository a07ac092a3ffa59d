import { expect, test } from "bun:test";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { layoutSource } from "../../src/image/layout.ts";
import { pullImage } from "../../src/image/pull.ts";
import { type Digest, digestHex } from "../../src/oci/index.ts";
import { temporaryStore } from "../store/support.ts";
import { writeIndex, writeOciLayout } from "../support/oci-image.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { NOTHING, pullOptions, visible } from "./support.ts";

const content = [{ path: "f", data: "x".repeat(100_000) }];

/** Two images, `one` and `two`. */
function layout() {
  const folder = temporaryFolder();
  const written = writeOciLayout(
    folder.path,
    { layers: [{ content }], tag: "one" },
    { layers: [{ content: [...content, { path: "g" }] }], tag: "two" },
  );
  const blob = (digest = "") => folder.join("blobs/sha256", digestHex(digest as Digest));
  return { ...folder, written, blob };
}

async function refusal(path: string, tag: string | undefined) {
  return await layoutSource(path, tag)
    .resolve()
    .then(
      () => {
        throw new Error("nothing was thrown");
      },
      (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
    );
}

test("an image of a layout is found by its tag, and by its digest", async () => {
  using folder = layout();
  const two = folder.written[1]?.manifest.digest;
  expect((await layoutSource(folder.path, "two").resolve()).descriptor.digest as string).toBe(two ?? "");
  expect((await layoutSource(folder.path, two).resolve()).descriptor.digest as string).toBe(two ?? "");
});

test("an unknown tag is said with those that there are", async () => {
  using folder = layout();
  expect(await refusal(folder.path, "three")).toEqual({
    code: "not-found",
    message: `cannot use oci:${folder.path}:three: no image is named "three"; there is one, two`,
  });
});

test("without a tag there must be one image only", async () => {
  using folder = layout();
  expect(await refusal(folder.path, undefined)).toEqual({
    code: "usage",
    message: `cannot use oci:${folder.path}: it has 2 images; name one of one, two`,
  });
  writeIndex(folder.path, []);
  expect(await refusal(folder.path, undefined)).toMatchObject({ code: "not-found" });
});

test("a folder that is no layout, or one of another version, is refused", async () => {
  using folder = layout();
  writeFileSync(folder.join("oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
  expect(await refusal(folder.path, "one")).toMatchObject({ code: "unsupported" });
  rmSync(folder.join("oci-layout"));
  expect(await refusal(folder.path, "one")).toMatchObject({
    code: "not-found",
    message: expect.stringContaining("oci-layout"),
  });
  expect(await refusal(`${folder.path}/nowhere`, "one")).toMatchObject({ code: "not-found" });
});

const damages: readonly [what: string, damage: (folder: ReturnType<typeof layout>) => void, code: string][] = [
  [
    "a manifest that was changed",
    ({ blob, written }) => writeFileSync(blob(written[0]?.manifest.digest), "{}"),
    "integrity",
  ],
  ["a missing manifest", ({ blob, written }) => rmSync(blob(written[0]?.manifest.digest)), "not-found"],
  [
    "a configuration that was changed",
    ({ blob, written }) => writeFileSync(blob(written[0]?.config.digest), "{}"),
    "integrity",
  ],
  ["a missing layer", ({ blob, written }) => rmSync(blob(written[0]?.layers[0]?.digest)), "not-found"],
  [
    "a layer that is shorter",
    ({ blob, written }) => truncateSync(blob(written[0]?.layers[0]?.digest), 20),
    "integrity",
  ],
  [
    "a layer of the right size with other bytes",
    ({ blob, written }) => {
      const { digest, size = 0 } = written[0]?.layers[0] ?? {};
      writeFileSync(blob(digest), new Uint8Array(size));
    },
    "integrity",
  ],
  ["an index that is not JSON", ({ join }) => writeFileSync(join("index.json"), "{"), "invalid"],
  ["an index that is a list", ({ join }) => writeFileSync(join("index.json"), "[]"), "invalid"],
  [
    "an index with a digest that is a path (CVE-2024-3727)",
    ({ join }) =>
      writeFileSync(
        join("index.json"),
        JSON.stringify({
          schemaVersion: 2,
          manifests: [{ mediaType: "a/b", digest: "sha256:../../../../etc/passwd", size: 1 }],
        }),
      ),
    "invalid",
  ],
];

for (const [what, damage, code] of damages) {
  test(`${what} ends a pull, and nothing of the image can be seen`, async () => {
    using target = temporaryStore();
    using folder = layout();
    damage(folder);
    const error = await pullImage(pullOptions(target.store, `oci:${folder.path}:one`)).then(
      () => undefined,
      (failure: { code: string; message: string }) => failure,
    );
    expect(error).toMatchObject({ code });
    expect(error?.message).not.toContain("\n");
    expect(visible(target.store)).toMatchObject({ ...NOTHING, tmp: expect.anything() });
  });
}
