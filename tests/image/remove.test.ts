import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { listImages, removeImage } from "../../src/image/index.ts";
import { pullFrom } from "../../src/image/pull.ts";
import { digestHex } from "../../src/oci/index.ts";
import type { ContainerNeeds, LocalImage, Store } from "../../src/store/index.ts";
import { HOST, putImage, putIndex, temporaryStore } from "../store/support.ts";
import { memoryImage, memorySource } from "./memory-source.ts";
import { mapping, NOTHING, pullOptions, visible } from "./support.ts";

const image = (seed: string, created?: string) =>
  memoryImage([[{ path: seed }]], {
    config: (config) => Object.assign(config, created === undefined ? {} : { created }),
  });

const pull = (store: Store, name: string, it = image(name)) => pullFrom(memorySource(it), pullOptions(store, name));
const short = ({ configDigest }: LocalImage) => digestHex(configDigest).slice(0, 12);

/** As `container/` writes it. */
function container(store: Store, it: LocalImage, id = "c".repeat(64)): string {
  const folder = `${store.root}/containers/${id}`;
  const needs: ContainerNeeds = {
    name: it.name,
    manifest: it.manifestDigest,
    mapping: mapping.name,
    layers: it.chainIDs,
  };
  mkdirSync(folder);
  writeFileSync(`${folder}/container.json`, JSON.stringify({ needs }));
  return folder;
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );

test("images are listed newest first, with sizes and platforms; of an index those that are here", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  expect(listImages(store)).toEqual([]);
  const old = await pull(store, "localhost/old", image("old", "2001-01-01T00:00:00Z"));
  const young = await pull(store, "localhost/young", image("young", "2002-01-01T00:00:00Z"));
  const other = { os: "linux", architecture: "riscv64" };
  const { manifest } = await putImage(store, "here");
  const absent = { ...manifest, digest: old.configDigest.replace(/.$/, "0") as typeof manifest.digest };
  store.index.set(
    "localhost/both:1",
    putIndex(store, [
      { ...absent, platform: other },
      { ...manifest, platform: HOST },
    ]),
  );
  const list = listImages(store);
  expect(list.map(({ name }) => name)).toEqual(["localhost/young:latest", "localhost/old:latest", "localhost/both:1"]);
  const [{ digest, id, size, platform } = { digest: "", id: "", size: 0, platform: "" }] = list;
  expect({ digest, id, platform }).toEqual({
    digest: young.top.digest,
    id: young.configDigest,
    platform: `linux/${HOST.architecture}`,
  });
  expect(size).toBe(young.manifest.config.size + (young.manifest.layers[0]?.size ?? 0));
});

test("removing the only name of an image removes all of it", async () => {
  using folder = temporaryStore();
  const it = await pull(folder.store, "localhost/x");
  expect(await removeImage(folder.store, "localhost/x")).toEqual([
    "Untagged: localhost/x:latest",
    `Deleted: ${it.configDigest}`,
  ]);
  expect(visible(folder.store)).toEqual(NOTHING);
  expect(folder.store.blobs.size(it.manifestDigest)).toBeUndefined();
});

test("an image with another name loses the one only", async () => {
  using folder = temporaryStore();
  const it = await pull(folder.store, "localhost/x");
  folder.store.index.set("localhost/y:2", it.top);
  expect(await removeImage(folder.store, "localhost/x")).toEqual(["Untagged: localhost/x:latest"]);
  expect(folder.store.layers.missing(mapping, it.chainIDs)).toEqual([]);
  expect(listImages(folder.store).map(({ name }) => name)).toEqual(["localhost/y:2"]);
});

test("what two images share stays until the second goes", async () => {
  using folder = temporaryStore();
  const shared = { path: "shared" };
  const one = await pull(folder.store, "localhost/one", memoryImage([[shared], [{ path: "one" }]]));
  const two = await pull(folder.store, "localhost/two", memoryImage([[shared], [{ path: "two" }]]));
  await removeImage(folder.store, "localhost/one");
  expect(visible(folder.store).layers.toSorted()).toEqual(two.chainIDs.map(digestHex).toSorted());
  expect(folder.store.layers.missing(mapping, one.chainIDs)).toEqual([...one.chainIDs].slice(1));
  await removeImage(folder.store, "localhost/two");
  expect(visible(folder.store)).toEqual(NOTHING);
});

test("an image is found by its id, the beginning of that, and its digest", async () => {
  using folder = temporaryStore();
  for (const key of [short, (it: LocalImage) => it.configDigest, (it: LocalImage) => it.top.digest]) {
    const it = await pull(folder.store, "localhost/x");
    expect(await removeImage(folder.store, key(it))).toContain(`Deleted: ${it.configDigest}`);
  }
});

test("an image that is not here is an error, and nothing is removed", async () => {
  using folder = temporaryStore();
  await pull(folder.store, "localhost/x");
  expect(await refusal(removeImage(folder.store, "localhost/nowhere"))).toEqual({
    code: "not-found",
    message: "cannot remove localhost/nowhere: there is no such image here",
  });
  expect(listImages(folder.store).length).toBe(1);
});

test("an image that a container needs is busy; by force it loses its name, and goes with the container", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const it = await pull(store, "localhost/x");
  const path = container(store, it);
  expect(await refusal(removeImage(store, "localhost/x"))).toEqual({
    code: "busy",
    message:
      "cannot remove localhost/x: the container cccccccccccc needs it; remove that one with: tsbox rm cccccccccccc",
  });
  expect(await removeImage(store, "localhost/x", { force: true })).toEqual(["Untagged: localhost/x:latest"]);
  expect(store.layers.missing(mapping, it.chainIDs)).toEqual([]);
  expect(store.blobs.has(it.manifest.config)).toBe(true);
  rmSync(path, { recursive: true });
  await pull(store, "localhost/y");
  await removeImage(store, "localhost/y");
  expect(visible(store)).toEqual(NOTHING);
});

test("an image is not busy because a container has one that had its name before", async () => {
  using folder = temporaryStore();
  container(folder.store, await pull(folder.store, "localhost/x", image("old")));
  const it = await pull(folder.store, "localhost/x", image("new"));
  expect(await removeImage(folder.store, "localhost/x")).toContain(`Deleted: ${it.configDigest}`);
});
