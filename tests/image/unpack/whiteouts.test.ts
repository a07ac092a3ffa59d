/**
 * Layers over layers: what the markers of an archive hide, as the kernel's overlay shows it, and as the copy driver copies it.
 * image-spec layer.md, "Whiteouts".
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { copyTrees } from "../../../src/rootfs/tree/index.ts";
import { type Listing, listOverlay, listTree } from "../../support/list-tree.ts";
import { type Requirement, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { ownMapping, unpack, unpackStack } from "../../support/unpack.ts";

const isRoot = process.getuid?.() === 0;
const overlay: Requirement = {
  what: "a kernel that mounts overlay in user namespaces",
  inCI: false,
  met: () =>
    isRoot ||
    Bun.spawnSync([
      "unshare",
      "--user",
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      "d=$(mktemp -d) && mount -t tmpfs t $d && mkdir $d/a $d/b $d/m && mount -t overlay o -o ro,userxattr,lowerdir=$d/a:$d/b $d/m",
    ]).success,
};
const inNamespace = isRoot ? test : requires(userNamespaces, subordinateIds);
const withOverlay = isRoot ? requires(overlay) : requires(userNamespaces, subordinateIds, overlay);

/** What layers show together: by the kernel, and by the copy driver, which must agree. */
async function shown(...archives: TarEntry[][]): Promise<Listing> {
  using stack = await unpackStack(archives);
  using folder = temporaryFolder();
  const places = { mountPoint: folder.join("mount"), empty: folder.join("empty") };
  const destination = folder.join("copy");
  for (const path of [...Object.values(places), destination]) mkdirSync(path, { mode: 0o755 });
  const mapping = ownMapping();
  const mounted = await listOverlay(stack.paths, mapping, places);
  await copyTrees({ layers: stack.paths, destination, mapping });
  const copied = await listTree(destination, mapping);
  // overlay does not show which names of different layers were one file; everything else is equal
  expect(copied).toEqual(mounted);
  return mounted;
}

const files = (listing: Listing) =>
  Object.entries(listing)
    .filter(([, { type }]) => type === "file")
    .map(([path, { content }]) => `${path}=${content}`);

const LOWER: TarEntry[] = [
  {
    path: "a/",
    type: "directory",
    mode: 0o710,
    uid: 1,
    gid: 2,
    mtime: 1000.25,
    pax: { "SCHILY.xattr.user.look": "a" },
  },
  { path: "a/one", data: "1" },
  { path: "a/two", data: "2" },
  { path: "a/b/", type: "directory", mode: 0o700, mtime: 2000 },
  { path: "a/b/three", data: "3" },
  { path: "file", data: "f" },
];

describe("whiteouts", () => {
  withOverlay("hide a file or a folder of the layers below", async () => {
    expect(files(await shown(LOWER, [{ path: "a/.wh.one" }, { path: ".wh.file" }]))).toEqual([
      "a/b/three=3",
      "a/two=2",
    ]);
    expect(files(await shown(LOWER, [{ path: ".wh.a" }]))).toEqual(["file=f"]);
    expect(files(await shown(LOWER, [], [{ path: ".wh.a" }], [{ path: "a/new", data: "n" }]))).toEqual([
      "a/new=n",
      "file=f",
    ]);
  });

  withOverlay("leave what the same layer has, wherever it stands in the archive", async () => {
    for (const upper of [
      [{ path: "a/.wh.one" }, { path: "a/one", data: "new" }],
      [{ path: "a/one", data: "new" }, { path: "a/.wh.one" }],
    ])
      expect(files(await shown(LOWER, upper))).toEqual(["a/b/three=3", "a/one=new", "a/two=2", "file=f"]);
  });

  withOverlay("of a folder that the same layer makes anew: nothing of the one below is seen", async () => {
    const entry: TarEntry = { path: "a/", type: "directory", mode: 0o755, mtime: 5 };
    for (const upper of [
      [{ path: ".wh.a" }, entry, { path: "a/new", data: "n" }],
      [entry, { path: "a/new", data: "n" }, { path: ".wh.a" }],
    ]) {
      const tree = await shown(LOWER, upper);
      expect(files(tree)).toEqual(["a/new=n", "file=f"]);
      expect(tree.a).toEqual({ type: "folder", mode: "755", owner: "0:0", mtime: "5.000000000" });
    }
  });

  withOverlay(
    "of a folder that the same layer does not list but fills: it does not look like the one below",
    async () => {
      for (const upper of [
        [{ path: ".wh.a" }, { path: "a/b/new", data: "n" }],
        [{ path: "a/b/new", data: "n" }, { path: ".wh.a" }],
      ]) {
        const tree = await shown(LOWER, upper);
        expect(files(tree)).toEqual(["a/b/new=n", "file=f"]);
        expect([tree.a?.mode, tree.a?.owner, tree["a/b"]?.mode]).toEqual(["755", "0:0", "755"]);
      }
    },
  );

  withOverlay("of nothing change nothing", async () => {
    expect(files(await shown(LOWER, [{ path: ".wh.none" }, { path: "x/y/.wh.none" }]))).toEqual(
      files(await shown(LOWER)),
    );
  });

  inNamespace("are no files of the tree, whatever they hold", async () => {
    using unpacked = await unpack([
      { path: ".wh.gone", data: "content" },
      { path: "a/.wh..wh..opq", data: "x" },
    ]);
    const tree = await unpacked.tree();
    expect(tree.gone).toMatchObject({ type: "char", device: "0:0" });
    expect(tree.a?.xattrs).toEqual({ "user.overlay.opaque": "y" });
    expect(Object.keys(tree)).toEqual([".", "a", "gone"]);
  });

  inNamespace("AUFS's own files are passed over", async () => {
    using unpacked = await unpack([
      { path: ".wh..wh.aufs", data: "x" },
      { path: ".wh..wh.plnk/", type: "directory" },
      { path: ".wh..wh.plnk/1.2", data: "x" },
      { path: "a/.wh..wh.orph/", type: "directory" },
    ]);
    expect(Object.keys(await unpacked.tree())).toEqual(["."]);
  });
});

describe("opaque folders", () => {
  withOverlay("show nothing of the layers below, and all of their own", async () => {
    for (const upper of [
      [{ path: "a/.wh..wh..opq" }, { path: "a/new", data: "n" }],
      [{ path: "a/new", data: "n" }, { path: "a/.wh..wh..opq" }],
    ]) {
      const tree = await shown(LOWER, upper);
      expect(files(tree)).toEqual(["a/new=n", "file=f"]);
      // the folder itself is not hidden: it is still the one below
      expect(tree.a).toMatchObject({
        mode: "710",
        owner: "1:2",
        mtime: "1000.250000000",
        xattrs: { "user.look": "a" },
      });
    }
  });

  withOverlay("an opaque root hides all layers below, but keeps the root's look", async () => {
    const root: TarEntry = { path: "./", type: "directory", mode: 0o711, uid: 3, mtime: 77 };
    const tree = await shown([root, ...LOWER], [{ path: ".wh..wh..opq" }, { path: "a/new", data: "n" }]);
    expect(files(tree)).toEqual(["a/new=n"]);
    expect(tree["."]).toMatchObject({ mode: "711", owner: "3:0", mtime: "77.000000000" });
    expect(tree.a).toMatchObject({ mode: "755", owner: "0:0" });
  });
});

describe("folders that a layer does not list", () => {
  withOverlay("look like those of the nearest layer below", async () => {
    const tree = await shown(LOWER, [{ path: "unrelated" }], [{ path: "a/b/new", data: "n" }, { path: "c/d/new" }]);
    expect(tree.a).toMatchObject({ mode: "710", owner: "1:2", mtime: "1000.250000000", xattrs: { "user.look": "a" } });
    expect(tree["a/b"]).toMatchObject({ mode: "700", mtime: "2000.000000000" });
    expect(tree["c/d"]).toMatchObject({ mode: "755", owner: "0:0" });
  });

  withOverlay("the root as well", async () => {
    const root: TarEntry = { path: "./", type: "directory", mode: 0o555, uid: 4, gid: 5, mtime: 99 };
    const tree = await shown([root], [{ path: "x" }], [{ path: "y" }]);
    expect(tree["."]).toMatchObject({ mode: "555", owner: "4:5", mtime: "99.000000000" });
  });

  withOverlay("not like one that a layer between hides", async () => {
    const tree = await shown(LOWER, [{ path: ".wh.a" }], [{ path: "a/b/new", data: "n" }]);
    expect([tree.a?.mode, tree["a/b"]?.mode]).toEqual(["755", "755"]);
  });

  withOverlay("not like one below a folder that is opaque in the layer itself", async () => {
    const tree = await shown(LOWER, [{ path: "a/.wh..wh..opq" }, { path: "a/b/new", data: "n" }]);
    expect([tree.a?.mode, tree["a/b"]?.mode]).toEqual(["710", "755"]);
  });

  withOverlay("named by way of a link of the same layer, they are found all the same", async () => {
    const tree = await shown(LOWER, [
      { path: "link", type: "symlink", target: "a/b" },
      { path: "link/new", data: "n" },
    ]);
    expect(tree["a/b"]).toMatchObject({ mode: "700" });
    expect(files(tree)).toContain("a/b/new=n");
  });
});

describe("a file where there was a folder, and the other way round", () => {
  withOverlay("the upper layer's counts", async () => {
    expect(files(await shown(LOWER, [{ path: "a", data: "file" }]))).toEqual(["a=file", "file=f"]);
    const tree = await shown(LOWER, [
      { path: "file/", type: "directory" },
      { path: "file/in", data: "i" },
    ]);
    expect(files(tree)).toContain("file/in=i");
    const link = await shown(LOWER, [{ path: "a", type: "symlink", target: "/etc" }]);
    expect(Object.keys(link)).toEqual([".", "a", "file"]);
  });
});

describe("hard links to files of lower layers", () => {
  withOverlay("are the same file, with all that it is", async () => {
    const tree = await shown(
      [
        { path: "usr/", type: "directory", mode: 0o711, mtime: 500 },
        { path: "usr/tool", data: "t", mode: 0o4755, uid: 6, mtime: 600.5, pax: { "SCHILY.xattr.user.x": "y" } },
        { path: "bin", type: "symlink", target: "usr" },
        { path: "usr/s", type: "symlink", target: "tool", uid: 7, mtime: 700 },
      ],
      [
        { path: "new/", type: "directory", mtime: 800 },
        { path: "new/tool", type: "link", target: "bin/tool" },
        { path: "new/s", type: "link", target: "usr/s" },
      ],
    );
    const file = {
      type: "file",
      mode: "4755",
      owner: "6:0",
      mtime: "600.500000000",
      content: "t",
      xattrs: { "user.x": "y" },
      names: ["new/tool", "usr/tool"],
    } as const;
    expect(tree["new/tool"]).toEqual(file);
    expect(tree["usr/tool"]).toEqual(file);
    expect(tree["new/s"]).toEqual({ type: "link", target: "tool", owner: "7:0", mtime: "700.000000000" });
    expect([tree.usr?.mode, tree.usr?.mtime, tree.new?.mtime]).toEqual(["711", "500.000000000", "800.000000000"]);
  });

  withOverlay("a target that the layer itself hides is not there", async () => {
    await expect(
      shown(LOWER, [{ path: ".wh.file" }, { path: "x", type: "link", target: "file" }]),
    ).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/"x": it is a hard link to "file", which is not there/),
    });
  });

  withOverlay("the link takes the place of what the layer has by its name", async () => {
    const tree = await shown(LOWER, [
      { path: "x", data: "old" },
      { path: "x", type: "link", target: "file" },
    ]);
    expect(tree.x?.content).toBe("f");
  });
});
