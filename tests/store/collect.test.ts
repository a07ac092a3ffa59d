import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { digestHex } from "../../src/oci/index.ts";
import { type ContainerNeeds, collectGarbage, type Store } from "../../src/store/index.ts";
import { child, from, lines, MAPPING, pieces, putImage, putIndex, type TestImage, temporaryStore } from "./support.ts";

const NAME = "docker.io/library/alpine:3.20";
const ID = "a".repeat(64);
const removeTree = async (path: string) => rmSync(path, { recursive: true, force: true });
const collect = (store: Store, keepPartials?: number) =>
  collectGarbage(store, { removeTree, ...(keepPartials === undefined ? {} : { keepPartials }) });

function unpack(store: Store, image: TestImage): void {
  using lease = store.lease();
  for (const chainID of image.chainIDs) {
    const path = store.layers.stage(lease, MAPPING);
    writeFileSync(`${path}/file`, "x");
    store.layers.publish(path, MAPPING, chainID);
  }
}

function addContainer(store: Store, needs: ContainerNeeds | string): void {
  mkdirSync(`${store.root}/containers/${ID}`, { recursive: true });
  const text = typeof needs === "string" ? needs : JSON.stringify({ needs });
  writeFileSync(`${store.root}/containers/${ID}/container.json`, text);
}

const blobsOf = (store: Store) => readdirSync(`${store.root}/blobs/sha256`).sort();
const layersOf = (store: Store) => readdirSync(store.layers.folder(MAPPING));

test("there is nothing to collect where there is no store", async () => {
  using folder = temporaryStore();
  expect(await collect(folder.store)).toEqual({ blobs: 0, layers: 0, bytes: 0 });
  expect(existsSync(folder.store.root)).toBe(false);
});

test("what the index leads to stays, through a nested index too; the rest goes", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const [kept, nested, gone] = [await putImage(store, "a"), await putImage(store, "b"), await putImage(store, "c")];
  const inner = putIndex(store, [nested.manifest]);
  const outer = putIndex(store, [inner]);
  store.index.set(NAME, kept.manifest);
  store.index.set("localhost/nested:1", outer);
  for (const image of [kept, nested, gone]) unpack(store, image);
  const digests = [kept, nested].flatMap(({ manifest, config, layer }) => [manifest, config, layer]);
  const collected = await collect(store);
  expect(collected).toEqual({
    blobs: 3,
    layers: 1,
    bytes: gone.manifest.size + gone.config.size + gone.layer.size,
  });
  expect(blobsOf(store)).toEqual([...digests, inner, outer].map(({ digest }) => digestHex(digest)).sort());
  expect(layersOf(store).sort()).toEqual([...kept.chainIDs, ...nested.chainIDs].map(digestHex).sort());
  expect(await collect(store)).toEqual({ blobs: 0, layers: 0, bytes: 0 });
});

test("a container keeps the layers and blobs of an image that has lost its name", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  unpack(store, image);
  addContainer(store, { name: NAME, manifest: image.manifest.digest, mapping: MAPPING.name, layers: image.chainIDs });
  expect(await collect(store)).toEqual({ blobs: 0, layers: 0, bytes: 0 });
  rmSync(`${store.root}/containers/${ID}`, { recursive: true });
  expect(await collect(store)).toMatchObject({ blobs: 3, layers: 1 });
});

test("nothing is removed when a container does not say what it needs", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await putImage(store, "a");
  addContainer(store, '{"manifest":');
  const attempt = collect(store);
  expect(attempt).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(ID) });
  await attempt.catch(() => {});
  expect(blobsOf(store).length).toBe(3);
});

test("nothing is removed when a manifest that is named is damaged", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  await putImage(store, "garbage");
  store.index.set(NAME, image.manifest);
  writeFileSync(store.blobs.path(image.manifest.digest), "x".repeat(image.manifest.size));
  const attempt = collect(store);
  expect(attempt).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining(image.manifest.digest) });
  await attempt.catch(() => {});
  expect(blobsOf(store).length).toBe(6);
});

test("what a running pull needs stays, and goes when it is killed", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  await using pull = child("lease", store, image.manifest.digest, image.config.digest);
  await lines(pull.stdout).next();
  expect(await collect(store)).toMatchObject({ blobs: 1 });
  expect(blobsOf(store)).toEqual([image.manifest.digest, image.config.digest].map(digestHex).sort());
  pull.kill("SIGKILL");
  await pull.exited;
  expect(await collect(store)).toMatchObject({ blobs: 2 });
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("a layer that is being unpacked stays as long as its lease", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const lease = store.lease();
  const path = store.layers.stage(lease, MAPPING);
  await collect(store);
  expect(existsSync(path)).toBe(true);
  lease[Symbol.dispose]();
  await collect(store);
  expect(existsSync(path)).toBe(false);
});

test("a collection that was killed after it set layers aside is completed by the next", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  unpack(store, image);
  const killed = collectGarbage(store, { removeTree: () => Promise.reject(new Error("killed")) });
  expect(killed).rejects.toThrow("killed");
  await killed.catch(() => {});
  expect(layersOf(store).length).toBe(1);
  expect(store.layers.missing(MAPPING, image.chainIDs)).toEqual([...image.chainIDs]);
  await collect(store);
  expect(layersOf(store)).toEqual([]);
});

test("a collection waits for who is just about to use something", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = await putImage(store, "a");
  const holder = child("hold", store);
  await lines(holder.stdout).next();
  const path = `${store.root}/containers/${ID}`;
  const needs = { name: NAME, manifest: image.manifest.digest, mapping: MAPPING.name, layers: image.chainIDs };
  // flock blocks this process, so another one lets go
  const release = `sleep 0.3; mkdir -p ${path}; echo '${JSON.stringify({ needs })}' > ${path}/container.json; kill -9 ${holder.pid}`;
  const started = Date.now();
  const helper = Bun.spawn(["sh", "-c", release]);
  expect(await collect(store)).toMatchObject({ blobs: 0 });
  expect(Date.now() - started).toBeGreaterThan(250);
  await helper.exited;
});

test("a partial download stays for a day, unless somebody is at it", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const bytes = new Uint8Array(500_000).fill(3);
  const { layer } = await putImage(store, "a");
  const descriptor = {
    ...layer,
    digest: `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`,
    size: bytes.length,
  } as typeof layer;
  await store.blobs.receive(descriptor, { open: async () => pieces(bytes.subarray(0, 100_000)) }).catch(() => {});
  const [partial = ""] = readdirSync(`${store.root}/tmp`).map((name) => `${store.root}/tmp/${name}`);
  await collect(store);
  expect(existsSync(partial)).toBe(true);
  const dayAgo = Date.now() / 1000 - 25 * 3600;
  utimesSync(partial, dayAgo, dayAgo);
  const hang = Promise.withResolvers<void>();
  async function* slow() {
    await hang.promise;
    yield bytes.subarray(100_000);
  }
  const opened = Promise.withResolvers<void>();
  const running = store.blobs.receive(descriptor, {
    open: async () => {
      opened.resolve();
      return slow();
    },
  });
  await opened.promise;
  await collect(store);
  expect(existsSync(partial)).toBe(true);
  hang.resolve();
  expect(await running).toBe("received");
  await store.blobs.receive({ ...descriptor }, from(bytes));
});

test("an old partial download that nobody is at goes", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { layer } = await putImage(store, "a");
  store.blobs.discard(layer.digest);
  await store.blobs.receive(layer, { open: async () => pieces(new Uint8Array(10)) }).catch(() => {});
  expect(readdirSync(`${store.root}/tmp`).length).toBe(1);
  await collect(store, 0);
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});
