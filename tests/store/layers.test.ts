import { expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import type { Digest } from "../../src/oci/index.ts";
import { MAPPING, temporaryStore } from "./support.ts";

const CHAIN = `sha256:${"1".repeat(64)}` as Digest;
const OTHER = `sha256:${"2".repeat(64)}` as Digest;

test("a layer is there when it is put in place, for its mapping only", () => {
  using folder = temporaryStore();
  const { layers } = folder.store;
  using lease = folder.store.lease();
  expect(layers.missing(MAPPING, [CHAIN, OTHER])).toEqual([CHAIN, OTHER]);
  const path = layers.stage(lease, MAPPING);
  writeFileSync(`${path}/file`, "x");
  expect(layers.has(MAPPING, CHAIN)).toBe(false);
  expect(layers.publish(path, MAPPING, CHAIN)).toBe(true);
  expect(layers.missing(MAPPING, [CHAIN, OTHER])).toEqual([OTHER]);
  expect(existsSync(`${layers.path(MAPPING, CHAIN)}/file`)).toBe(true);
  expect(layers.has({ name: "subuid-0" }, CHAIN)).toBe(false);
});

test("a layer whose root nobody may write is put in place (Fedora's is 0555)", () => {
  using folder = temporaryStore();
  const { layers } = folder.store;
  using lease = folder.store.lease();
  const path = layers.stage(lease, MAPPING);
  chmodSync(path, 0o555);
  expect(layers.publish(path, MAPPING, CHAIN)).toBe(true);
  chmodSync(layers.path(MAPPING, CHAIN), 0o755);
});

test.each([["with files"], ["empty"]])(
  "of two that put one layer in place, %s, one wins, and the other keeps his tree",
  (kind) => {
    using folder = temporaryStore();
    const { layers } = folder.store;
    using lease = folder.store.lease();
    const [first, second] = [layers.stage(lease, MAPPING), layers.stage(lease, MAPPING)];
    if (kind === "with files") for (const path of [first, second]) writeFileSync(`${path}/file`, path);
    expect(layers.publish(first, MAPPING, CHAIN)).toBe(true);
    expect(layers.publish(second, MAPPING, CHAIN)).toBe(false);
    expect(existsSync(second)).toBe(true);
    expect(readdirSync(layers.folder(MAPPING)).length).toBe(2);
  },
);

test("a second who claims a layer waits for the first", async () => {
  using folder = temporaryStore();
  const { layers } = folder.store;
  const order: string[] = [];
  const first = await layers.claim(MAPPING, CHAIN);
  const second = layers.claim(MAPPING, CHAIN).then((claim) => {
    order.push("second");
    return claim;
  });
  await layers.claim(MAPPING, OTHER).then((claim) => claim[Symbol.dispose]());
  await Bun.sleep(50);
  order.push("first");
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  expect(order).toEqual(["first", "second"]);
});

test("who waits for a claim can be told to stop", async () => {
  using folder = temporaryStore();
  const { layers } = folder.store;
  using _first = await layers.claim(MAPPING, CHAIN);
  expect(layers.claim(MAPPING, CHAIN, AbortSignal.timeout(30))).rejects.toThrow();
});
