import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { chooseMapping } from "../../src/idmap/index.ts";
import { ensureImage, findImage } from "../../src/image/index.ts";
import { type Digest, hostPlatform } from "../../src/oci/index.ts";
import { temporaryStore } from "../store/support.ts";
import { freePort } from "../support/free-port.ts";
import { writeOciLayout } from "../support/oci-image.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { pullOptions, tree } from "./support.ts";

const write = (folder: string, data: string) =>
  writeOciLayout(folder, { layers: [{ content: [{ path: "f", data }] }] });
const single = chooseMapping({ mode: "single" }).mapping;

async function failure(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  return await promise.then(
    () => {
      throw new Error("nothing was thrown");
    },
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );
}

test("--pull=missing takes what is here, and a layout that has changed since anew", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  write(source.path, "old");
  const options = pullOptions(store, `oci:${source.path}`);
  expect(findImage(options)).toBeUndefined();
  const first = await ensureImage(options, "missing");
  expect(findImage(options)?.manifestDigest).toBe(first.manifestDigest);
  const again = pullOptions(store, `oci:${source.path}`);
  expect((await ensureImage(again, "missing")).manifestDigest).toBe(first.manifestDigest);
  expect(again.events).toEqual([]);
  write(source.path, "new");
  expect(findImage(options)).toBeUndefined();
  const second = await ensureImage(options, "missing");
  expect(readFileSync(`${tree(store, second)}/f`, "utf8")).toBe("new");
});

test("--pull=never takes what is here although the source has gone, and refuses what is not", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  const options = pullOptions(store, `oci:${source.path}`);
  expect(await failure(ensureImage(options, "never"))).toEqual({
    code: "not-found",
    message: `cannot use oci:${source.path}: it is not here, and --pull=never forbids fetching it`,
  });
  expect(existsSync(store.root)).toBe(false);
  write(source.path, "x");
  const pulled = await ensureImage(options, "always");
  rmSync(source.path, { recursive: true });
  expect((await ensureImage(options, "never")).manifestDigest).toBe(pulled.manifestDigest);
  expect(await failure(ensureImage(options, "always"))).toMatchObject({ code: "not-found" });
});

test("--pull=newer falls back to what is here when the registry cannot be reached, and says so", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  write(source.path, "x");
  const { top, manifestDigest } = await ensureImage(pullOptions(store, `oci:${source.path}`), "always");
  const name = `localhost:${freePort()}/x`;
  const options = pullOptions(store, name);
  expect(await failure(ensureImage(options, "newer"))).toMatchObject({ code: "network" });
  store.index.set(`${name}:latest`, top);
  expect((await ensureImage(options, "newer")).manifestDigest).toBe(manifestDigest);
  expect(options.events.at(-1)).toMatchObject({ type: "note", message: expect.stringContaining("that is here") });
  expect(await failure(ensureImage(options, "always"))).toMatchObject({ code: "network" });
});

test("layers are unpacked again for another mapping, without the source", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  write(source.path, "x");
  const options = pullOptions(store, `oci:${source.path}`);
  const image = await ensureImage(options, "always");
  rmSync(source.path, { recursive: true });
  await ensureImage({ ...options, mapping: single }, "never");
  expect(readFileSync(`${store.layers.path(single, image.chainIDs[0] ?? ("" as Digest))}/f`, "utf8")).toBe("x");
});

test("a blob that is damaged or gone when it is needed again is said with the remedy", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  write(source.path, "x".repeat(10_000));
  const options = pullOptions(store, `oci:${source.path}`);
  const image = await ensureImage(options, "always");
  const blob = store.blobs.path(image.manifest.layers[0]?.digest ?? ("" as Digest));
  truncateSync(blob, 20);
  const expected = {
    code: "integrity",
    message: expect.stringMatching(/missing or damaged in the store; pull the image again$/),
  };
  expect(await failure(ensureImage({ ...options, mapping: single }, "never"))).toEqual(expected);
  expect(store.layers.missing(single, image.chainIDs)).toEqual([...image.chainIDs]);
  await ensureImage({ ...options, mapping: single }, "always");
  expect(store.layers.missing(single, image.chainIDs)).toEqual([]);
});

test("what is here is not taken for another platform that is asked for", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  write(source.path, "x");
  const name = `oci:${source.path}`;
  const { manifestDigest } = await ensureImage(pullOptions(store, name), "always");
  const own = hostPlatform();
  expect(findImage(pullOptions(store, name, { platform: own }))?.manifestDigest).toBe(manifestDigest);
  const other = pullOptions(store, name, { platform: { os: "linux", architecture: "riscv64" } });
  expect(findImage(other)).toBeUndefined();
  expect(await failure(ensureImage(other, "missing"))).toEqual({
    code: "not-found",
    message: `cannot use ${name}: it is not for linux/riscv64; it is for linux/${own.architecture}`,
  });
  expect(await failure(ensureImage(other, "never"))).toEqual({
    code: "not-found",
    message: `cannot use ${name}: it is not here for linux/riscv64, and --pull=never forbids fetching it`,
  });
});
