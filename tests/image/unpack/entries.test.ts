/** Entries that meet: the same name twice, whiteouts beside what they name, folders that are not listed, links to what is not there. */
import { describe, expect } from "bun:test";
import { requires } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { ANY_NEEDS, only, refusal, treeOf } from "./tree.ts";

const test = requires(...ANY_NEEDS);
const OPAQUE = { "user.overlay.opaque": Buffer.from("y").toString("hex") };

const file = (path: string, data = path): TarEntry => ({ path, data });
const folder = (path: string, mode = 0o755): TarEntry => ({ path: `${path}/`, type: "directory", mode });
const symlink = (path: string, target: string): TarEntry => ({ path, type: "symlink", target });
const hardLink = (path: string, target: string): TarEntry => ({ path, type: "link", target });

async function contents(entries: readonly TarEntry[]) {
  return only((await treeOf(entries)).tree, "type", "content", "linkTo");
}

describe("of two entries of one name the last one counts:", () => {
  const kinds: Record<string, TarEntry> = {
    file: file("x", "text"),
    folder: folder("x"),
    link: symlink("x", "elsewhere"),
    fifo: { path: "x", type: "fifo" },
  };
  for (const [first, before] of Object.entries(kinds)) {
    for (const [second, after] of Object.entries(kinds)) {
      test(`a ${first}, then a ${second}`, async () => {
        const { tree } = await treeOf([before, after]);
        expect(Object.keys(tree)).toEqual([".", "x"]);
        expect(tree.x?.type).toBe(second as "file"); // cast: the names are those of types
      });
    }
  }

  test("a folder with content that becomes a file", async () => {
    expect(await contents([folder("x"), file("x/a"), folder("x/b"), file("x/b/c"), file("x", "new")])).toEqual({
      ".": { type: "folder" },
      x: { type: "file", content: "new" },
    });
  });

  test("a folder listed again keeps its content and takes the new mode", async () => {
    const { tree } = await treeOf([folder("x", 0o700), file("x/a"), folder("x", 0o711)]);
    expect(only(tree, "mode", "content")).toMatchObject({ x: { mode: "711" }, "x/a": { content: "x/a" } });
  });

  test("a file that had another hard link, which keeps the old content", async () => {
    expect(await contents([file("a", "old"), hardLink("b", "a"), file("a", "new")])).toMatchObject({
      a: { content: "new" },
      b: { content: "old" },
    });
  });

  test("a hard link to itself changes nothing", async () => {
    expect(await contents([file("a", "text"), hardLink("a", "a")])).toMatchObject({ a: { content: "text" } });
  });
});

describe("whiteouts:", () => {
  for (const [order, arrange] of [
    ["before", (whiteout: TarEntry, rest: TarEntry[]) => [whiteout, ...rest]],
    ["after", (whiteout: TarEntry, rest: TarEntry[]) => [...rest, whiteout]],
  ] as const) {
    test(`a file of the layer wins over a whiteout of its name ${order} it`, async () => {
      expect(await contents(arrange(file(".wh.x", ""), [file("x")]))).toMatchObject({ x: { content: "x" } });
    });

    test(`a folder with a whiteout of its name ${order} it is new and shows nothing of one below`, async () => {
      const { tree } = await treeOf(arrange(file(".wh.x", ""), [folder("x"), file("x/a")]));
      expect(tree.x).toMatchObject({ type: "folder", xattrs: OPAQUE });
      expect(tree["x/a"]?.content).toBe("x/a");
    });

    test(`a folder that is not listed, with a whiteout of its name ${order} its files, is new too`, async () => {
      const { tree, impliedFolders } = await treeOf(arrange(file(".wh.x", ""), [file("x/y/a")]));
      expect(tree.x).toMatchObject({ type: "folder", xattrs: OPAQUE });
      // it must not take its look from one that it hides
      expect(impliedFolders).not.toContain("x");
    });

    test(`an opaque marker ${order} the folder's files hides none of them`, async () => {
      const { tree } = await treeOf([folder("x"), ...arrange(file("x/.wh..wh..opq", ""), [file("x/a")])]);
      expect(tree.x?.xattrs).toEqual(OPAQUE);
      expect(tree["x/a"]?.content).toBe("x/a");
    });
  }

  test("a whiteout listed twice, and one of a name that begins with a dot", async () => {
    const { tree } = await treeOf([file(".wh.x", ""), file(".wh.x", ""), file(".wh..hidden", "")]);
    expect(Object.keys(tree)).toEqual([".", ".hidden", "x"]);
    expect(tree[".hidden"]?.type).toBe("char");
  });

  test("a whiteout beside a link of its name changes neither the link nor where it leads", async () => {
    const { tree } = await treeOf([folder("real"), symlink("x", "real"), file("x/a"), file(".wh.x", "")]);
    expect(tree.x?.type).toBe("link");
    expect(tree.real?.xattrs).toBeUndefined();
  });

  test("the root can be opaque, which is told of and leaves its owner no attribute of overlay", async () => {
    const result = await treeOf([file(".wh..wh..opq", ""), file("a")]);
    expect(result.opaqueRoot).toBe(true);
  });

  test("what AUFS keeps for itself is left out", async () => {
    const entries = [
      file(".wh..wh.aufs"),
      folder(".wh..wh.plnk"),
      file(".wh..wh.plnk/123.456"),
      folder(".wh..wh.orph"),
    ];
    expect(Object.keys(await contents([...entries, file("a")]))).toEqual([".", "a"]);
  });
});

describe("folders that the archive does not list", () => {
  test("are made and told of, those that it lists later are not", async () => {
    const { tree, impliedFolders } = await treeOf([file("a/b/c"), file("d/e/f"), folder("d/e", 0o700), folder(".")]);
    expect([...impliedFolders].sort()).toEqual(["a", "a/b", "d"]);
    expect(only(tree, "mode")).toMatchObject({ a: { mode: "755" }, "a/b": { mode: "755" }, "d/e": { mode: "700" } });
  });

  test("keep the times that later entries would change", async () => {
    const { tree } = await treeOf([{ ...folder("x"), mtime: 1000 }, file("x/a"), file("x/b"), hardLink("x/c", "x/a")]);
    expect(Number(tree.x?.mtime)).toBe(1000);
  });
});

describe("links", () => {
  test("to folders are followed by entries below them, inside the tree", async () => {
    const entries = [
      folder("usr"),
      folder("usr/lib"),
      symlink("lib", "usr/lib"),
      file("lib/a", "1"),
      file("/lib/b", "2"),
    ];
    expect(await contents(entries)).toMatchObject({
      lib: { type: "link", content: "usr/lib" },
      "usr/lib/a": { content: "1" },
      "usr/lib/b": { content: "2" },
    });
  });

  test("keep targets of any kind as they are", async () => {
    const targets = ["/etc/passwd", "../../../../etc", "a//b/./c/", "nowhere", " "];
    const tree = await contents(targets.map((target, i) => symlink(`link${i}`, target)));
    expect(targets.map((_, i) => tree[`link${i}`]?.content)).toEqual(targets);
  });

  test("hard ones to links are links themselves", async () => {
    expect(await contents([symlink("a", "/etc/passwd"), hardLink("b", "a")])).toMatchObject({
      b: { type: "link", content: "/etc/passwd", linkTo: "a" },
    });
  });

  test("hard ones to what this layer has not are told of, unless something else takes their name", async () => {
    const { pendingHardLinks } = await treeOf([hardLink("a", "below/file"), hardLink("b", "below/file"), file("b")]);
    expect(pendingHardLinks).toEqual([{ path: "a", target: "below/file" }]);
  });

  test("hard ones to a name that a whiteout hides mean the file below, not the whiteout", async () => {
    const { tree, pendingHardLinks } = await treeOf([file(".wh.old", ""), hardLink("new", "old")]);
    expect(pendingHardLinks).toEqual([{ path: "new", target: "old" }]);
    expect(tree).not.toHaveProperty("new");
  });

  test("hard ones to folders are an error", async () => {
    expect(await refusal([folder("a"), hardLink("b", "a")])).toContain("hard link to a folder");
  });
});

test("entries of types that are no files are passed over, as Docker does", async () => {
  const label = Buffer.from("V");
  const archive = (await import("../../support/tar.ts")).writeTar([file("volume"), file("after")]);
  // another type, and the checksum with it
  archive[156] = label[0] ?? 0;
  let sum = 8 * 32;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += archive[i] ?? 0;
  archive.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  expect(Object.keys((await treeOf(archive)).tree)).toEqual([".", "after"]);
});

test("names with a leading slash, doubled slashes and dots are the same as without", async () => {
  expect(Object.keys(await contents([file("/a"), file("./b"), file("c//d"), file("e/./f"), file("e/g/../h")]))).toEqual(
    [".", "a", "b", "c", "e", "c/d", "e/f", "e/h"],
  );
});
