import { expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { type Digest, digestHex } from "../../src/oci/index.ts";
import { requires, userNamespaces } from "../support/skip.ts";
import { child, describeBytes, failure, from, lines, pieces, temporaryStore } from "./support.ts";

const SIZE = 1_000_000;
const bytes = new Uint8Array(SIZE).map((_, at) => (at * 7) % 253);
const descriptor = describeBytes("application/octet-stream", bytes);
const partialOf = (digest: Digest) => `tmp/partial-sha256-${digestHex(digest)}`;

test("a blob that was received has its bytes and its name, and nothing is left in tmp", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const progress: number[] = [];
  const options = { ...from(bytes), onProgress: (done: number) => progress.push(done) };
  expect(await store.blobs.receive(descriptor, options)).toBe("received");
  expect(readFileSync(store.blobs.path(descriptor.digest)).equals(bytes)).toBe(true);
  expect(store.blobs.has(descriptor)).toBe(true);
  expect(await store.blobs.verify(descriptor)).toBe(true);
  expect(progress[0]).toBe(0);
  expect(progress.at(-1)).toBe(SIZE);
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("a blob that is there is not opened again", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await store.blobs.receive(descriptor, from(bytes));
  const open = () => Promise.reject(new Error("opened"));
  expect(await store.blobs.receive(descriptor, { open })).toBe("present");
});

test("sha512 blobs have a folder of their own", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const digest = `sha512:${new Bun.CryptoHasher("sha512").update(bytes).digest("hex")}` as Digest;
  await store.blobs.receive({ ...descriptor, digest }, from(bytes));
  expect(existsSync(`${store.root}/blobs/sha512/${digestHex(digest)}`)).toBe(true);
});

test("a wrong digest leaves neither the blob nor its bytes", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const wrong = Uint8Array.from(bytes);
  wrong[5] = 99;
  const attempt = store.blobs.receive(descriptor, from(wrong));
  expect(attempt).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining(descriptor.digest) });
  await attempt.catch(() => {});
  expect(store.blobs.has(descriptor)).toBe(false);
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("a source with more bytes than promised is cut off at once", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  let given = 0;
  async function* endless() {
    for (;;) {
      given += 65536;
      yield new Uint8Array(65536);
    }
  }
  const attempt = store.blobs.receive(descriptor, { open: async () => endless() });
  expect(attempt).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining("more than") });
  await attempt.catch(() => {});
  expect(given).toBeLessThan(SIZE + 2 * 65536);
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("a source that ends early leaves what came, and the next one is asked for the rest only", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const first = store.blobs.receive(descriptor, { open: async () => pieces(bytes.subarray(0, 400_000)) });
  expect(first).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining("400000 of 1000000") });
  await first.catch(() => {});
  expect(statSync(`${store.root}/${partialOf(descriptor.digest)}`).size).toBe(400_000);
  const offsets: number[] = [];
  await store.blobs.receive(descriptor, {
    open: async (offset) => {
      offsets.push(offset);
      return pieces(bytes.subarray(offset));
    },
  });
  expect(offsets).toEqual([400_000]);
  expect(await store.blobs.verify(descriptor)).toBe(true);
});

test("a partial download that was damaged is fetched again from the start", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await store.blobs.receive(descriptor, { open: async () => pieces(bytes.subarray(0, 400_000)) }).catch(() => {});
  writeFileSync(`${store.root}/${partialOf(descriptor.digest)}`, new Uint8Array(300_000));
  const offsets: number[] = [];
  await store.blobs.receive(descriptor, {
    open: async (offset) => {
      offsets.push(offset);
      return pieces(bytes.subarray(offset));
    },
  });
  expect(offsets).toEqual([300_000, 0]);
  expect(await store.blobs.verify(descriptor)).toBe(true);
});

test("a partial download that is longer than the blob begins anew", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await store.blobs.receive(descriptor, { open: async () => pieces(bytes.subarray(0, 400_000)) }).catch(() => {});
  truncateSync(`${store.root}/${partialOf(descriptor.digest)}`, SIZE + 1);
  expect(await store.blobs.receive(descriptor, from(bytes))).toBe("received");
});

test("a blob file of another size is taken for damaged and replaced", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await store.blobs.receive(descriptor, from(bytes));
  appendFileSync(store.blobs.path(descriptor.digest), "x");
  expect(store.blobs.has(descriptor)).toBe(false);
  expect(await store.blobs.receive(descriptor, from(bytes))).toBe("received");
  expect(await store.blobs.verify(descriptor)).toBe(true);
});

test("aborting ends a download at once, also one that hangs, and keeps what came", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const stop = new AbortController();
  async function* hanging() {
    yield bytes.subarray(0, 65536);
    await new Promise(() => {});
  }
  const onProgress = (done: number) => done > 0 && stop.abort(new Error("stopped by the person"));
  const attempt = store.blobs.receive(descriptor, { open: async () => hanging(), onProgress, signal: stop.signal });
  expect(attempt).rejects.toThrow("stopped by the person");
  await attempt.catch(() => {});
  expect(statSync(`${store.root}/${partialOf(descriptor.digest)}`).size).toBe(65536);
});

test("a download that was killed is gone on with from where it was", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await using killed = child("receive", store, "2000000", "1000000");
  const { value } = await lines(killed.stdout).next();
  expect(value).toBe("stopped 1048576");
  killed.kill("SIGKILL");
  await killed.exited;
  await using second = child("receive", store, "2000000", "2000000");
  expect((await lines(second.stdout).next()).value).toBe("received");
  await second.exited;
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("two downloads of one blob share the work: the second waits and has it", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const slow = Promise.withResolvers<void>();
  async function* gated() {
    yield bytes.subarray(0, 100_000);
    await slow.promise;
    yield bytes.subarray(100_000);
  }
  const first = store.blobs.receive(descriptor, { open: async () => gated() });
  const waited = Promise.withResolvers<number>();
  const open = () => Promise.reject(new Error("opened twice"));
  const second = store.blobs.receive(descriptor, { open, onWaiting: (done) => done > 0 && waited.resolve(done) });
  expect(await waited.promise).toBe(100_000);
  slow.resolve();
  expect(await Promise.all([first, second])).toEqual(["received", "shared"]);
  expect(readdirSync(`${store.root}/tmp`)).toEqual([]);
});

test("who waits for a download whose process is killed goes on with it himself", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await using killed = child("receive", store, "2000000", "1000000");
  await lines(killed.stdout).next();
  await using second = child("receive", store, "2000000", "2000000");
  const result = lines(second.stdout).next();
  await Bun.sleep(300);
  killed.kill("SIGKILL");
  expect((await result).value).toBe("received");
});

test("a document is stored whole, read verified, and damage is named with its remedy", () => {
  using folder = temporaryStore();
  const { store } = folder;
  const document = new TextEncoder().encode('{"a":1}');
  const described = describeBytes("application/json", document);
  using lease = store.lease();
  store.blobs.putDocument(lease, described, document);
  expect(store.blobs.readDocument(described)).toEqual(Buffer.from(document));
  const path = store.blobs.path(described.digest);
  writeFileSync(path, '{"a":2}');
  expect(failure(() => store.blobs.readDocument(described))).toMatchObject({
    code: "integrity",
    message: expect.stringMatching(`${path} is damaged; pull the image again`),
  });
  store.blobs.putDocument(lease, described, document);
  expect(store.blobs.readDocument(described).length).toBe(document.length);
});

test("a document that is not what its descriptor says is not stored", () => {
  using folder = temporaryStore();
  const { store } = folder;
  using lease = store.lease();
  expect(failure(() => store.blobs.putDocument(lease, descriptor, bytes.subarray(1)))).toMatchObject({
    code: "integrity",
  });
  expect(store.blobs.has(descriptor)).toBe(false);
});

requires(userNamespaces)("a full disk is said in one sentence, and leaves nothing behind", () => {
  using folder = temporaryStore();
  const inside = `mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" full "$1"`;
  const command = ["sh", "-c", inside, "sh", folder.path, process.execPath, `${import.meta.dir}/child.ts`];
  const { stdout, stderr } = Bun.spawnSync(["unshare", "-Urm", ...command]);
  expect(stderr.toString()).toBe("");
  const result = JSON.parse(stdout.toString());
  expect(result.message).not.toContain("\n");
  expect(result).toMatchObject({
    code: "no-space",
    tmp: [],
    message: expect.stringContaining("no space is left on the disk"),
  });
  expect(result.free).toBeGreaterThan(900_000);
});
