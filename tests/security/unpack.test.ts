/**
 * Hostile layers. Each attack aims at a real file beside the folder that is unpacked into, by every way that leads there from
 * inside it; whoever runs the tests may write to that file, so that only the unpacker stands between.
 */
import { afterEach, beforeEach, describe, expect } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { TsboxError } from "../../src/error.ts";
import type { Listing } from "../support/list-tree.ts";
import { native, requires, userNamespaces } from "../support/skip.ts";
import type { TarEntry } from "../support/tar.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/tmp.ts";
import { unpack, unpackStack } from "../support/unpack.ts";

const test = requires(native, userNamespaces);

let folder: TemporaryFolder;
let outside: string;
/** The same from the root of the tree, which is unpacked into a folder beside this one. */
let climbing: string;
let before: string;

beforeEach(() => {
  folder = temporaryFolder();
  outside = folder.join("outside");
  climbing = `../../${basename(folder.path)}/outside`;
  mkdirSync(`${outside}/sub`, { recursive: true });
  writeFileSync(`${outside}/secret`, "untouched");
  chmodSync(`${outside}/secret`, 0o600);
  for (const path of ["secret", "sub", "."]) utimesSync(`${outside}/${path}`, 1000, 1000);
  before = lookOutside();
});

afterEach(() => {
  const after = lookOutside();
  folder[Symbol.dispose]();
  expect(after).toBe(before);
});

/** All that an attack could have changed: what is there, and each thing's mode, owner, links and times. */
function lookOutside(): string {
  const known = readdirSync(folder.path);
  const inside = readdirSync(outside, { recursive: true, encoding: "utf8" }).sort();
  const looks = ["", ...inside].map((name) => {
    const { mode, uid, gid, nlink, mtimeMs, ctimeMs } = lstatSync(`${outside}/${name}`);
    return { name, mode, uid, gid, nlink, mtimeMs, ctimeMs };
  });
  return JSON.stringify({ known, looks, secret: readFileSync(`${outside}/secret`, "utf8") });
}

interface Outcome {
  readonly refused?: string;
  readonly tree: Listing;
}

/** What became of the attack: the tree, or why it was refused. */
async function mount(archive: readonly TarEntry[]): Promise<Outcome> {
  try {
    using unpacked = await unpack(archive);
    return { tree: await unpacked.tree() };
  } catch (error) {
    expect(error).toBeInstanceOf(TsboxError);
    expect((error as TsboxError).code).toBe("invalid"); // cast: checked in the line before
    return { refused: (error as TsboxError).message, tree: {} };
  }
}

const link = (path: string, target: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  type: "symlink",
  target,
  ...more,
});
const file = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({ path, data: "evil", ...more });

/** The file outside, as a name inside may lead to it. */
const waysOut = (name: string) => [`${outside}/${name}`, `${climbing}/${name}`, `x/../${climbing}/${name}`];

describe("CVE-2021-29136: nothing takes the root's place", () => {
  for (const name of [".", "./", "/", "./.", "a/.."]) {
    test(`a link named ${name}`, async () => {
      const { refused } = await mount([link(name, outside), file("secret")]);
      expect(refused).toContain("would replace the root");
    });
  }

  test("a hard link, a fifo, a file and a device named .", async () => {
    for (const entry of [
      { path: ".", type: "link", target: "a" },
      { path: ".", type: "fifo" },
      file("."),
      { path: ".", type: "char", device: [0, 0] },
    ] as const) {
      expect((await mount([file("a"), entry])).refused).toContain("would replace the root");
    }
  });
});

describe("CVE-2020-10696, GHSA-qq89-hq3f-393p: a file written through a link that leads out stays inside", () => {
  test("by an absolute link, which means a place in the image", async () => {
    const { tree } = await mount([link("way", outside), file("way/secret"), file("way/new")]);
    expect(tree[`${outside.slice(1)}/secret`]?.content).toBe("evil");
    expect(tree.way?.target).toBe(outside);
  });

  test("by a relative link", async () => {
    const { tree } = await mount([link("way", climbing), file("way/secret"), file("way/new")]);
    // the parent of the root is the root
    expect(tree[`${climbing.slice("../../".length)}/secret`]?.content).toBe("evil");
    expect(tree.way?.target).toBe(climbing);
  });

  test("by a chain of links and folders", async () => {
    const chain = [link("a", "b/.."), link("b", ".."), link("way", `a/${climbing}`)];
    await mount([...chain, file("way/secret"), file("way/sub/new")]);
  });

  test("by a link in place of a folder that was used before", async () => {
    const { tree } = await mount([file("way/first"), link("way", outside), file("way/secret")]);
    expect(tree.way?.type).toBe("link");
    expect(tree[`${outside.slice(1)}/secret`]?.content).toBe("evil");
  });

  test("by a link with the name of the file: it is replaced, not followed", async () => {
    for (const target of waysOut("secret")) {
      const { tree } = await mount([link("file", target), file("file")]);
      expect(tree.file).toMatchObject({ type: "file", content: "evil" });
    }
  });
});

test("CVE-2021-32760: a hard link to a link that leads out does not hand on its mode", async () => {
  for (const target of waysOut("secret")) {
    const { tree } = await mount([
      link("way", target, { mode: 0o777 }),
      { path: "hard", type: "link", target: "way", mode: 0o4777, mtime: 5 },
    ]);
    expect(tree.hard).toMatchObject({ type: "link", target });
  }
});

describe("CVE-2026-17106: owner, mode, times and attributes are not given through a link", () => {
  const pax = { "SCHILY.xattr.user.evil": "yes" };
  const hostile = { mode: 0o4777, uid: 1, gid: 1, mtime: 5, pax };

  test("of the link's own entry", async () => {
    const { tree } = await mount([link("file", `${outside}/secret`, hostile), link("folder", outside, hostile)]);
    expect([tree.file?.type, tree.folder?.type]).toEqual(["link", "link"]);
  });

  test("of a folder that becomes a link, when folders get theirs at last", async () => {
    for (const target of [outside, climbing]) {
      const { tree } = await mount([{ path: "folder/", type: "directory", ...hostile }, link("folder", target)]);
      expect(tree.folder?.type).toBe("link");
    }
  });

  test("of a folder whose parent becomes a link", async () => {
    for (const target of [outside, climbing]) {
      await mount([{ path: "way/sub/", type: "directory", ...hostile }, link("way", target)]);
    }
  });

  test("of a folder entry by the name of a link: the folder takes its place", async () => {
    const { tree } = await mount([link("folder", outside), { path: "folder/", type: "directory", ...hostile }]);
    expect(tree.folder?.type).toBe("folder");
  });

  test("of a fifo by the name of a link", async () => {
    const { tree } = await mount([link("pipe", `${outside}/secret`), { path: "pipe", type: "fifo", ...hostile }]);
    expect(tree.pipe?.type).toBe("fifo");
  });
});

/** Takes a hard link to the file outside; then writes to that name, as a bad unpacker would into the file itself. */
async function steal(target: string, ...first: TarEntry[]): Promise<void> {
  const archive = [...first, { path: "stolen", type: "link", target } as const];
  const { refused, tree } = await mount(archive);
  expect(tree).not.toHaveProperty(["stolen"]);
  if (refused !== undefined) return expect(refused).toContain("leads out of the root");
  // what the layer lacks is looked for in the layers below, and only there
  const finished = await unpackStack([[file("other")], archive]).then(
    (stack) => stack[Symbol.dispose](),
    (error) => error,
  );
  expect(finished).toMatchObject({ code: "invalid", message: expect.stringContaining("is not there") });
  const { tree: written } = await mount([...archive, file("stolen")]);
  expect(written.stolen).toMatchObject({ type: "file", content: "evil" });
}

describe("hard links do not reach files outside", () => {
  test("CVE-2026-50163: a target is not looked for in the working folder", async () => {
    const here = process.cwd();
    process.chdir(outside);
    try {
      await steal("secret");
      await steal("./secret");
    } finally {
      process.chdir(here);
    }
  });

  test("GHSA-8qq5-rm4j-mr97: an absolute target", () => steal(`${outside}/secret`));

  test("GHSA-34x7-hfp2-rc4v: a target that leads out from the root, but not from the entry's folder", () =>
    steal(`${climbing}/secret`, file("a/b/c/d/e")));

  test("GHSA-83g3-92jg-28cx: a target behind a chain of links", () =>
    steal(
      `a/b/escape/${basename(folder.path)}/outside/secret`,
      { path: "a/b/c/", type: "directory" },
      link("a/b/c/up", "../.."),
      link("a/b/escape", "c/up/../../.."),
    ));

  test("GHSA-83g3-92jg-28cx: a target behind one link", () => steal("way/secret", link("way", outside)));

  test("GHSA-qffp-2rhf-9h96: a target with a drive in front of what leads out", async () => {
    for (const target of [`C:${climbing}/secret`, `C:/../${climbing}/secret`, "c:\\..\\outside\\secret"])
      await steal(target);
  });
});

test("GHSA-r6q2-hw4h-h46w: names that another file system would take for one are two names", async () => {
  const { tree } = await mount([
    { path: "collision_\u00df/", type: "directory" },
    link("collision_ss", outside),
    file("collision_\u00df/secret"),
    file("COLLISION_SS/secret"),
  ]);
  expect(tree[Buffer.from("collision_\u00df/secret").toString("latin1")]?.content).toBe("evil");
});

describe("CVE-2025-11395: an entry's name does not lead out", () => {
  for (const prefix of ["", "./", "a/../", "/", "a/b/../.././"]) {
    test(`when ${prefix}.. begins it`, async () => {
      const types = ["file", "symlink", "link", "directory", "fifo"] as const;
      await Promise.all(
        types.map(async (type) => {
          const entry = { path: `${prefix}${climbing}/secret`, type, target: "a/b", mode: 0o777, mtime: 5 };
          expect((await mount([file("a/b"), entry])).refused).toContain("leads out of the root");
        }),
      );
    });
  }

  test("an absolute name is one inside", async () => {
    const { tree } = await mount([file(`${outside}/secret`), file(`//${outside}//new`)]);
    expect(tree[`${outside.slice(1)}/secret`]?.content).toBe("evil");
    expect(tree[`${outside.slice(1)}/new`]?.content).toBe("evil");
  });

  test("slashes and dots too many do not make another name of it", async () => {
    for (const [name, same] of [
      ["way//", "way"],
      [".//way", "way"],
      ["././way/.", "way"],
      ["a//./b///", "a/b"],
      ["...", "..."],
      ["a/..b", "a/..b"],
    ] as const) {
      const { tree } = await mount([link(same, outside), link(name, climbing)]);
      expect(tree[same]?.target).toBe(climbing);
    }
  });

  test("a PAX path is looked at like any other", async () => {
    expect((await mount([file("a", { pax: { path: `${climbing}/secret` } })])).refused).toContain("leads out");
  });
});

describe("umoci: whiteouts hide nothing but a name in their folder", () => {
  for (const name of [".wh.", "./.wh.", "a/.wh.", ".wh..", "a/.wh..", ".wh...", "a/.wh...", ".wh.a/.wh.b", ".wh.a/b"]) {
    test(name, async () => {
      expect((await mount([file("a/kept"), file(name)])).refused).toContain("hides nothing that could be hidden");
    });
  }

  test("a whiteout in a folder that is a link leading out hides nothing there", async () => {
    for (const target of [outside, climbing]) {
      await mount([link("way", target), file("way/.wh.secret"), file("way/sub/.wh..wh..opq")]);
    }
  });

  test("an opaque marker above the root is refused", async () => {
    expect((await mount([file(`${climbing}/.wh..wh..opq`)])).refused).toContain("leads out");
  });
});

describe("overlay's attributes cannot be smuggled in", () => {
  const names = ["redirect", "metacopy", "opaque", "whiteout", "origin", "impure", "uuid", "protattr"];
  const pax = Object.fromEntries(
    ["user", "trusted"].flatMap((kind) => names.map((name) => [`SCHILY.xattr.${kind}.overlay.${name}`, "/etc"])),
  );

  test("by a member's header", async () => {
    const { tree } = await mount([{ path: "folder/", type: "directory", pax }, file("file", { pax })]);
    expect([tree.folder?.xattrs, tree.file?.xattrs]).toEqual([undefined, undefined]);
  });

  test("by the root's own entry", async () => {
    expect((await mount([{ path: "./", type: "directory", pax }])).tree["."]?.xattrs).toBeUndefined();
  });

  test("by a NUL that cuts a harmless name short", async () => {
    const cut = { "SCHILY.xattr.user.overlay.opaque\0.harmless": "y" };
    expect((await mount([{ path: "folder/", type: "directory", pax: cut }])).refused).toContain("NUL");
  });

  test("as a device 0:0, which hides what is below", async () => {
    const { tree } = await mount([{ path: "passwd", type: "char", device: [0, 0] }]);
    expect(Object.keys(tree)).toEqual(["."]);
  });
});
