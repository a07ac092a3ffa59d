/** What a layer takes from those below it. */
import { describe, expect } from "bun:test";
import { finishLayers } from "../../../src/image/unpack/index.ts";
import { requires } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { ANY, ANY_NEEDS, type Entry, listTree, only, unpackInto, unpackStack } from "./tree.ts";

const test = requires(...ANY_NEEDS);

/** The trees of an image's layers, lowest first, as overlay will get them. */
async function stack(...archives: readonly (readonly TarEntry[])[]): Promise<Record<string, Entry>[]> {
  using folder = temporaryFolder();
  const paths = await unpackStack(folder.path, archives, ANY);
  return await Promise.all(paths.map((path) => listTree(path, ANY)));
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
      xattrs: { "user.note": Buffer.from("below").toString("hex") },
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
    expect(only(top ?? {}, "mode", "mtime")["."]).toEqual({ mode: "711", mtime: "77.000000000" });
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
    const same = [top?.["bin/tool"], top?.["opt/a"], top?.["opt/b"]].map((entry) => entry?.linkTo);
    expect(same).toEqual([undefined, "bin/tool", "bin/tool"]);
    expect([top?.opt?.mtime, top?.bin?.mtime].map(Number)).toEqual([9, 5]);
  });

  test("may be to another such link, or to a symbolic link, which it does not follow", async () => {
    const [, top] = await stack(below, [
      { path: "a", type: "link", target: "bin/tool" },
      { path: "b", type: "link", target: "a" },
      { path: "c", type: "link", target: "bin/link" },
    ]);
    expect(top).toMatchObject({ b: { content: "text" }, c: { type: "link", content: "tool" } });
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
  expect(top).toMatchObject({ old: { type: "char", content: "0:0" }, own: { type: "file" }, "both/new": {} });
  expect(top?.both?.xattrs).toEqual({ "user.overlay.opaque": Buffer.from("y").toString("hex") });
});

test("layers that are there already count from the nearest to the farthest", async () => {
  using folder = temporaryFolder();
  const modes = [0o701, 0o702];
  const [lowest, middle] = await Promise.all(
    modes.map((mode) => unpackInto(folder.path, [{ path: "var/", type: "directory", mode }])),
  );
  const top = await unpackInto(folder.path, [{ path: "var/file" }]);
  const lowerPaths = [middle?.path ?? "", lowest?.path ?? ""];
  await finishLayers({ layers: [{ path: top.path, ...top.result }], lowerPaths, mapping: ANY });
  expect((await listTree(top.path, ANY)).var?.mode).toBe("702");
});
