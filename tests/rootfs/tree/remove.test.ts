/** Trees go away whole, whoever of the mapping's ids they belong to, and nothing else does. */
import { describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { removeTree } from "../../../src/rootfs/tree/index.ts";
import { program, requires, subordinateIds, unprivileged, userNamespaces } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { ownMapping, singleMapping, unpack } from "../../support/unpack.ts";

const test = requires(userNamespaces);
const withSubordinates = requires(userNamespaces, subordinateIds, unprivileged);

const OWNED: readonly TarEntry[] = [
  { path: "home/", type: "directory", uid: 1000, gid: 1000, mode: 0o700 },
  { path: "home/private/", type: "directory", uid: 1000, mode: 0 },
  { path: "home/private/key", uid: 1000, mode: 0 },
  { path: "root/", type: "directory", mode: 0o500 },
  { path: "root/file", mode: 0o400 },
  { path: ".wh.gone" },
];

withSubordinates("a tree of subordinate ids, with folders that only those may enter, is removed", async () => {
  using unpacked = await unpack(OWNED);
  // what makes it necessary
  expect(() => readdirSync(`${unpacked.path}/home`)).toThrow("EACCES");
  await removeTree(unpacked.path, ownMapping());
  expect(existsSync(unpacked.path)).toBe(false);
});

test("a tree of the caller's own id is removed, folders without permissions too", async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.join("tree/work/work"), { recursive: true });
  // overlay leaves such a one behind
  chmodSync(folder.join("tree/work/work"), 0);
  chmodSync(folder.join("tree/work"), 0o500);
  await removeTree(folder.join("tree"), singleMapping());
  expect(readdirSync(folder.path)).toEqual([]);
});

test("what is not there is removed already, and files and empty folders are removed too", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.join("file"), "x");
  mkdirSync(folder.join("empty"));
  for (const name of ["file", "empty", "nothing", "file"]) await removeTree(folder.join(name), singleMapping());
  expect(readdirSync(folder.path)).toEqual([]);
});

describe("links are removed, not followed:", () => {
  test("as the tree itself", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("outside"));
    writeFileSync(folder.join("outside/file"), "kept");
    symlinkSync("outside", folder.join("link"));
    await removeTree(folder.join("link"), singleMapping());
    expect(readdirSync(folder.path)).toEqual(["outside"]);
    expect(readFileSync(folder.join("outside/file"), "utf8")).toBe("kept");
  });

  test("inside of it", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("outside"));
    writeFileSync(folder.join("outside/file"), "kept");
    mkdirSync(folder.join("tree/sub"), { recursive: true });
    symlinkSync(folder.join("outside"), folder.join("tree/absolute"));
    symlinkSync("../../outside", folder.join("tree/sub/relative"));
    await removeTree(folder.join("tree"), singleMapping());
    expect(readdirSync(folder.path)).toEqual(["outside"]);
    expect(readFileSync(folder.join("outside/file"), "utf8")).toBe("kept");
  });
});

requires(userNamespaces, program("perl"))(
  "a tree deeper than any path may be long, and than there are descriptors, is removed",
  async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("tree"));
    // step by step, as a container would make it
    const deeper = "for (1..3000) { mkdir 'd' and chdir 'd' or die $! } open F, '>file' or die $!";
    const made = Bun.spawnSync(["perl", "-e", deeper], { cwd: folder.join("tree") });
    expect(made.stderr.toString()).toBe("");
    await removeTree(folder.join("tree"), singleMapping());
    expect(readdirSync(folder.path)).toEqual([]);
  },
);

test("names of any bytes, and folders with many entries, are removed", async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.join("tree/many"), { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/tree/`), Buffer.from([0xff, 0x0a, 0x22])]), "");
  // more than fit into one buffer of getdents64(2)
  for (let i = 0; i < 3000; i++) writeFileSync(folder.join("tree/many", `file-with-a-longer-name-${i}`), "");
  await removeTree(folder.join("tree"), singleMapping());
  expect(readdirSync(folder.path)).toEqual([]);
});

withSubordinates("what belongs to ids that the mapping has not stays, and the message names it", async () => {
  using unpacked = await unpack([
    { path: "home/", type: "directory", uid: 5, mode: 0o700 },
    { path: "home/file", uid: 5 },
  ]);
  await expect(removeTree(unpacked.path, singleMapping())).rejects.toThrow(/cannot remove .*home/);
  expect(Object.keys(await unpacked.tree())).toContain("home/file");
});
