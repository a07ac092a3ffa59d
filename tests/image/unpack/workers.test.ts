/** One process that unpacks several layers: each in its own root, and none after a failure. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { finishLayers, Workers } from "../../../src/image/unpack/index.ts";
import { descendants } from "../../support/descendants.ts";
import { requires, userNamespaces } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { singleMapping, unpack } from "../../support/unpack.ts";

const test = requires(userNamespaces);
const mapping = singleMapping();

/** The processes in user namespaces, not their supervisors. */
const workersNow = () =>
  descendants(process.pid)
    .filter(({ command }) => command.includes("__unpack"))
    .map(({ pid }) => pid);

/** @throws Error when some are left after five seconds */
async function untilGone(): Promise<void> {
  for (const end = Date.now() + 30_000; workersNow().length > 0; await Bun.sleep(10))
    if (Date.now() > end) throw new Error("workers are left");
}

describe("a worker", () => {
  test("does layer after layer, and ends with its owner's scope", async () => {
    await untilGone();
    {
      using workers = new Workers(mapping);
      using first = await unpack([{ path: "first" }], { mapping, workers });
      const process = workersNow();
      expect(process).toHaveLength(1);
      using second = await unpack([{ path: "second" }], { mapping, workers, compression: "gzip", crowded: true });
      expect(workersNow()).toEqual(process);
      expect(Object.keys(await first.tree())).toEqual([".", "first"]);
      expect(Object.keys(await second.tree())).toEqual([".", "second"]);
      const layers = [first, second].map(({ path, result }) => ({ path, ...result }));
      await finishLayers({ layers, lowerPaths: [], mapping, workers });
      expect(workersNow()).toEqual(process);
    }
    await untilGone();
  });

  test("is inside its layer each time, also where links lead out", async () => {
    using outside = temporaryFolder();
    mkdirSync(outside.join("target"));
    using workers = new Workers(mapping);
    for (const name of ["first", "second"]) {
      const link = outside.join("target");
      const entries = [
        { path: "way", type: "symlink", target: link },
        { path: "up", type: "symlink", target: "../../../../../../../../../../" },
        { path: `way/${name}`, data: "hostile" },
        { path: `up/${name}`, data: "hostile" },
      ] as const;
      using layer = await unpack(entries, { mapping, workers });
      expect(existsSync(join(link, name))).toBe(false);
      expect(existsSync(`/${name}`)).toBe(false);
      expect(existsSync(join(layer.path, link, name))).toBe(true);
      expect(existsSync(join(layer.path, name))).toBe(true);
    }
  });

  test("is not used again when its layer failed", async () => {
    await untilGone();
    using workers = new Workers(mapping);
    await expect(unpack([{ path: "../out" }], { mapping, workers })).rejects.toThrow("leads out");
    await untilGone();
    using layer = await unpack([{ path: "file" }], { mapping, workers });
    expect(existsSync(join(layer.path, "file"))).toBe(true);
  });
});
