/** What a layer takes from those below it; that overlay then shows the right thing is in whiteouts.test.ts. */
import { describe, expect } from "bun:test";
import { finishLayers } from "../../../src/image/unpack/index.ts";
import type { Listing } from "../../support/list-tree.ts";
import { requires, userNamespaces } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { singleMapping, unpack, unpackStack } from "../../support/unpack.ts";

const test = requires(userNamespaces);
const mapping = singleMapping();

/** The trees of an image's layers, lowest first, as overlay will get them. */
async function stack(...archives: readonly (readonly TarEntry[])[]): Promise<Listing[]> {
  using unpacked = await unpackStack(archives, { mapping });
  return await Promise.all(unpacked.layers.map((layer) => layer.tree()));
}

describe("a folder that a layer does not list", () => {
  const pax = { "SCHILY.xattr.user.note": "below" };
  const below: TarEntry = { path: "var/", type: "directory", mode: 0o1777, mtime: 1234.5, pax };

  test("has the mode, times and attributes of the nearest layer below that has it", async () => {
    const [, , top] = await stack(
      [{ path: "var/", type: "directory", mode: 0o700, mtime: 1 }],
      [below],
      [{ path: "var/file", data: "x" }],
    );
    expect(top?.var).toMatchObject({
      mode: "1777",
      mtime: "1234.500000000",
      xattrs: { "user.note": "below" },
    });
  });

  test("has it through another layer that does not list it either", async () => {
    const [, , top] = await stack([below], [{ path: "var/a" }], [{ path: "var/b" }]);
    expect(top?.var).toMatchObject({ mode: "1777", mtime: "1234.500000000" });
  });

  test("has it for a whiteout in it too", async () => {
    const [, top] = await stack([below, { path: "var/old" }], [{ path: "var/.wh.old" }]);
    expect(top).toMatchObject({ var: { mode: "1777", mtime: "1234.500000000" }, "var/old": { type: "char" } });
  });

  test("is an ordinary one where a layer between hides the one below", async () => {
    const [, , top] = await stack([below], [{ path: ".wh.var" }], [{ path: "var/file" }]);
    expect(top?.var).toMatchObject({ mode: "755" });
    expect(top?.var?.xattrs).toBeUndefined();
  });

  test("is an ordinary one where the folder around it is opaque, in this layer or between", async () => {
    const deep: TarEntry = { path: "var/lib/", type: "directory", mode: 0o700 };
    const opaque: TarEntry = { path: "var/.wh..wh..opq" };
    const [, same] = await stack([deep], [opaque, { path: "var/lib/file" }]);
    expect(same?.["var/lib"]?.mode).toBe("755");
    const [, , above] = await stack([deep], [opaque], [{ path: "var/lib/file" }]);
    expect(above?.["var/lib"]?.mode).toBe("755");
  });

  test("is an ordinary one where the layer below has a file or link of that name", async () => {
    for (const other of [
      { path: "var", data: "x", mode: 0o600 },
      { path: "var", type: "symlink", target: "/etc" },
    ] as const) {
      const [, top] = await stack([{ path: "etc/", type: "directory", mode: 0o700 }, other], [{ path: "var/file" }]);
      expect(top?.var).toMatchObject({ type: "folder", mode: "755" });
    }
  });

  test("can be the root", async () => {
    const [, top] = await stack([{ path: "./", type: "directory", mode: 0o711, mtime: 77 }], [{ path: "file" }]);
    expect(top?.["."]).toMatchObject({ mode: "711", mtime: "77.000000000" });
  });
});

describe("a hard link to a file of a layer below", () => {
  const below: readonly TarEntry[] = [
    { path: "bin/", type: "directory", mtime: 5 },
    { path: "bin/tool", data: "text", mode: 0o750, mtime: 1000.25 },
    { path: "bin/link", type: "symlink", target: "tool" },
  ];

  test("is that file, under both names one file, and folders keep their times", async () => {
    const [, top] = await stack(below, [
      { path: "opt/", type: "directory", mtime: 9 },
      { path: "opt/a", type: "link", target: "bin/tool" },
      { path: "opt/b", type: "link", target: "bin/tool" },
    ]);
    expect(top?.["opt/a"]).toMatchObject({ content: "text", mode: "750", mtime: "1000.250000000" });
    expect(top?.["opt/a"]?.names).toEqual(["bin/tool", "opt/a", "opt/b"]);
    expect([top?.opt?.mtime, top?.bin?.mtime].map(Number)).toEqual([9, 5]);
  });

  test("may be to another such link, or to a symbolic link, which it does not follow", async () => {
    const [, top] = await stack(below, [
      { path: "a", type: "link", target: "bin/tool" },
      { path: "b", type: "link", target: "a" },
      { path: "c", type: "link", target: "bin/link" },
    ]);
    expect(top).toMatchObject({ b: { content: "text" }, c: { type: "link", target: "tool" } });
  });

  test("that is not there, or is hidden by a layer between, is an error that names both", async () => {
    const link: TarEntry = { path: "a", type: "link", target: "bin/tool" };
    await expect(stack([], [link])).rejects.toThrow('cannot unpack "a": it is a hard link to "bin/tool", which is not');
    await expect(stack(below, [{ path: "bin/.wh.tool" }], [link])).rejects.toThrow("which is not there");
    await expect(stack(below, [{ path: "a", type: "link", target: "bin" }])).rejects.toThrow("folder");
  });
});

test("a layer whose root is opaque shows nothing of those below", async () => {
  const [, top] = await stack(
    [{ path: "old" }, { path: "both/", type: "directory" }, { path: "both/old" }],
    [{ path: ".wh..wh..opq" }, { path: "both/", type: "directory" }, { path: "both/new" }, { path: "own" }],
  );
  expect(top).toMatchObject({ old: { type: "char", device: "0:0" }, own: { type: "file" }, "both/new": {} });
  expect(top?.both?.xattrs).toEqual({ "user.overlay.opaque": "y" });
});

test("layers that are there already count from the nearest to the farthest", async () => {
  const look = (mode: number): TarEntry[] => [{ path: "var/", type: "directory", mode }];
  using lowest = await unpack(look(0o701), { mapping });
  using middle = await unpack(look(0o702), { mapping });
  using top = await unpack([{ path: "var/file" }], { mapping });
  const layers = [{ path: top.path, ...top.result }];
  await finishLayers({ layers, lowerPaths: [middle.path, lowest.path], mapping });
  expect((await top.tree()).var?.mode).toBe("702");
});
