/** The copy driver. That it shows what overlay shows is in tests/image/unpack/whiteouts.test.ts. */
import { describe, expect } from "bun:test";
import { mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import type { IdMapping } from "../../../src/idmap/index.ts";
import { copyTrees } from "../../../src/rootfs/tree/index.ts";
import { type Listing, listTree } from "../../support/list-tree.ts";
import { requires, subordinateIds, userNamespaces } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";
import { type Archive, ownMapping, singleMapping, unpackStack } from "../../support/unpack.ts";

const isRoot = process.getuid?.() === 0;
const test = requires(userNamespaces);
const withIds = requires(userNamespaces, ...(isRoot ? [] : [subordinateIds]));
const MEGABYTE = 1024 * 1024;
const NET_RAW = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Copies layers that are there into a new folder. */
async function copied(folder: TemporaryFolder, layers: readonly string[], mapping: IdMapping): Promise<Listing> {
  const destination = folder.join("copy");
  mkdirSync(destination);
  await copyTrees({ layers, destination, mapping });
  return await listTree(destination, mapping);
}

async function flattened(mapping: IdMapping, ...archives: Archive[]): Promise<Listing> {
  using folder = temporaryFolder();
  using stack = await unpackStack(archives, { mapping });
  return await copied(folder, stack.paths, mapping);
}

withIds("a layer is copied with owners, modes, times, attributes, capabilities, links and fifos", async () => {
  const mapping = ownMapping();
  using folder = temporaryFolder();
  using stack = await unpackStack(
    [
      [
        { path: "./", type: "directory", mode: 0o711, mtime: 1.5 },
        { path: "home/", type: "directory", mode: 0o2750, uid: 1000, gid: 50, mtime: 1000.25 },
        { path: "home/key", mode: 0, uid: 1000, data: "secret", mtime: 2000.125 },
        { path: "home/hard", type: "link", target: "home/key" },
        { path: "su", mode: 0o4755, uid: 1, gid: 2, mtime: -5 },
        { path: "ping", mode: 0o755, data: "x", pax: { "SCHILY.xattr.security.capability": NET_RAW }, uid: 3 },
        { path: "noted", pax: { "SCHILY.xattr.user.note": Uint8Array.from([0, 255]) }, mtime: 3 },
        { path: "link", type: "symlink", target: "/nowhere", uid: 7, gid: 8, mtime: 4.5 },
        { path: "fifo", type: "fifo", mode: 0o622, uid: 9, mtime: 5 },
        { path: "header", pax: { path: Buffer.from("\xff\n", "latin1") }, mtime: 6 },
      ],
    ],
    { mapping },
  );
  const [layer = ""] = stack.paths;
  expect(await copied(folder, [layer], mapping)).toEqual(await listTree(layer, mapping));
});

test("without subordinate ids the attributes that remember owners are copied too", async () => {
  const tree = await flattened(singleMapping(), [{ path: "file", uid: 33, gid: 44 }]);
  expect(tree.file?.xattrs?.["user.containers.override_stat"]).toStartWith("33:44:0644");
});

describe("of several layers", () => {
  test("no marker of overlay is left", async () => {
    const tree = await flattened(
      singleMapping(),
      [{ path: "a/old" }, { path: "b/old" }, { path: "c" }],
      [{ path: "a/.wh..wh..opq" }, { path: "a/new" }, { path: ".wh.b" }, { path: "b/new" }, { path: ".wh.c" }],
    );
    expect(Object.keys(tree)).toEqual([".", "a", "a/new", "b", "b/new"]);
    expect([tree.a?.xattrs, tree.b?.xattrs]).toEqual([undefined, undefined]);
  });

  test("a folder has the times and mode of the uppermost that has it, and a file where a folder was its own", async () => {
    const folder = (path: string, mtime: number, mode: number) =>
      ({ path: `${path}/`, type: "directory", mtime, mode }) as const;
    const tree = await flattened(
      singleMapping(),
      [folder("both", 1000, 0o700), { path: "both/a" }, folder("replaced", 1000, 0o700), { path: "replaced/a" }],
      [folder("both", 2000, 0o755), { path: "replaced", mtime: 3000, data: "x" }],
    );
    expect(tree.both).toMatchObject({ mtime: "2000.000000000", mode: "755" });
    expect(tree.replaced).toMatchObject({ type: "file", mtime: "3000.000000000", content: "x" });
    expect(Object.keys(tree)).toEqual([".", "both", "both/a", "replaced"]);
  });

  test("a link in one and a folder in another are never taken for each other", async () => {
    const tree = await flattened(
      singleMapping(),
      [{ path: "way", type: "symlink", target: "elsewhere" }, { path: "elsewhere/a" }],
      [{ path: "way/", type: "directory" }, { path: "way/b" }],
    );
    expect(Object.keys(tree)).toEqual([".", "elsewhere", "elsewhere/a", "way", "way/b"]);
    const back = await flattened(
      singleMapping(),
      [{ path: "way/", type: "directory" }, { path: "way/b" }],
      [{ path: "way", type: "symlink", target: "/etc" }],
    );
    expect(back.way).toMatchObject({ type: "link", target: "/etc" });
  });

  test("names of one file stay one file, those of other layers stay apart", async () => {
    const links = (path: string) => [{ path, data: path }, { path: `${path}2`, type: "link", target: path } as const];
    const tree = await flattened(singleMapping(), links("a"), links("b"));
    expect([tree.a?.names, tree.b2?.names]).toEqual([
      ["a", "a2"],
      ["b", "b2"],
    ]);
  });
});

test("holes stay holes, and large files are copied whole", async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.join("layer"));
  const [sparse, large] = [folder.join("layer/sparse"), folder.join("layer/large")];
  writeFileSync(sparse, "begin");
  truncateSync(sparse, 20 * MEGABYTE);
  writeFileSync(large, Buffer.alloc(5 * MEGABYTE + 1, "0123456789abcde"));
  utimesSync(sparse, 1, 1);
  const mapping = singleMapping();
  const tree = await copied(folder, [folder.join("layer")], mapping);
  expect(tree).toEqual(await listTree(folder.join("layer"), mapping));
  expect([tree.sparse?.holes, tree.large?.holes]).toEqual([true, undefined]);
});

test("paths that are too long for the kernel with the store's folder in front are copied", async () => {
  using folder = temporaryFolder();
  const deep = `${"a-folder-with-a-name-of-fifty-characters-or-so-----/".repeat(78)}file`;
  using stack = await unpackStack([[{ path: deep, data: "x" }]], { mapping: singleMapping() });
  const destination = folder.join("x".repeat(200));
  expect(destination.length + deep.length).toBeGreaterThan(4096);
  mkdirSync(destination);
  await copyTrees({ layers: stack.paths, destination, mapping: singleMapping() });
  // find(1) goes step by step
  const found = Bun.spawnSync(["find", ".", "-type", "f"], { cwd: destination });
  expect(found.stdout.toString()).toBe(`./${deep}\n`);
});

test("a destination that is no folder is one sentence", async () => {
  using folder = temporaryFolder();
  const destination = folder.join("file");
  mkdirSync(folder.join("layer"));
  writeFileSync(destination, "");
  await expect(copyTrees({ layers: [folder.join("layer")], destination, mapping: singleMapping() })).rejects.toThrow(
    /^cannot copy the image's layers: [^\n]+$/,
  );
});
