/** Archives as other tools write them, and as damage leaves them. */
import { describe, expect } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { program, requires } from "../../support/skip.ts";
import { paxRecord, type TarEntry, writeTar } from "../../support/tar.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";
import { ANY, ANY_NEEDS, listTree, only, refusal, treeOf } from "./tree.ts";

const test = requires(...ANY_NEEDS);
const withGnuTar = requires(...ANY_NEEDS, program("tar"));
const withBsdTar = requires(...ANY_NEEDS, program("bsdtar", false));

const MEGABYTE = 1024 * 1024;

/** A file with data of two bytes at each offset, and holes between. */
function writeSparse(path: string, offsets: readonly number[], size: number): void {
  const fd = openSync(path, "w");
  for (const offset of offsets) writeSync(fd, "ab", offset);
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** Of those that old formats can hold: short names, and times in whole seconds. */
function writePlain(root: string): void {
  mkdirSync(`${root}/folder/empty`, { recursive: true });
  writeFileSync(`${root}/folder/file`, "text");
  // ends at a block's border, one before, one behind
  for (const size of [511, 512, 513, 3 * MEGABYTE]) writeFileSync(`${root}/folder/${size}`, Buffer.alloc(size, 7));
  writeFileSync(`${root}/empty`, "");
  symlinkSync("folder/file", `${root}/link`);
  Bun.spawnSync(["ln", `${root}/folder/file`, `${root}/folder/hard`]);
  wholeSeconds(root);
}

function wholeSeconds(root: string): void {
  Bun.spawnSync(["find", root, "-exec", "touch", "-h", "-d", "@1600000000", "{}", "+"]);
}

function writeLong(root: string): void {
  const folder = `${root}/${"long-folder-name/".repeat(15)}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${"x".repeat(255)}`, "deep");
  // Latin-1, which is not UTF-8
  writeFileSync(Buffer.from(`${root}/\xe4\xf6\xfc`, "latin1"), "umlauts");
  symlinkSync(`${"y/".repeat(200)}z`, `${root}/long-link`);
  Bun.spawnSync(["ln", `${folder}${"x".repeat(255)}`, `${root}/hard`]);
  wholeSeconds(root);
}

function archiveOf(folder: TemporaryFolder, options: readonly string[], tool = "tar"): Uint8Array<ArrayBuffer> {
  const names = ["--numeric-owner", ...(tool === "tar" ? ["--owner=0", "--group=0"] : ["--uid=0", "--gid=0"])];
  const { stdout, stderr, success } = Bun.spawnSync([tool, "-c", ...options, ...names, "-C", folder.path, "."]);
  if (!success) throw new Error(stderr.toString());
  return new Uint8Array(stdout);
}

const COMPARED = ["type", "mode", "mtime", "content", "linkTo"] as const;

async function expectSame(folder: TemporaryFolder, archive: Uint8Array): Promise<void> {
  const source = await listTree(folder.path, ANY);
  const { tree } = await treeOf(archive);
  expect(only(tree, ...COMPARED)).toEqual(only(source, ...COMPARED));
}

describe("an archive of", () => {
  for (const format of ["v7", "oldgnu", "gnu", "ustar", "posix"]) {
    withGnuTar(`GNU tar in the format ${format} unpacks to what was packed`, async () => {
      using folder = temporaryFolder();
      writePlain(folder.path);
      if (format !== "v7") Bun.spawnSync(["mkfifo", folder.join("fifo")]);
      if (format !== "v7" && format !== "ustar") writeLong(folder.path);
      wholeSeconds(folder.path);
      // times of fractions are in PAX records only
      if (format === "posix") utimesSync(folder.join("folder/file"), 1.5, 1234.125);
      await expectSame(folder, archiveOf(folder, [`--format=${format}`]));
    });
  }

  for (const format of ["pax", "gnutar", "ustar", "v7"]) {
    withBsdTar(`bsdtar in the format ${format} unpacks to what was packed`, async () => {
      using folder = temporaryFolder();
      writePlain(folder.path);
      await expectSame(folder, archiveOf(folder, ["--format", format], "bsdtar"));
    });
  }

  const sparse = [
    ["old GNU", ["--format=oldgnu", "--sparse"]],
    ["GNU", ["--format=gnu", "--sparse"]],
    ["PAX 0.0", ["--format=posix", "--sparse-version=0.0"]],
    ["PAX 0.1", ["--format=posix", "--sparse-version=0.1"]],
    ["PAX 1.0", ["--format=posix", "--sparse-version=1.0"]],
  ] as const;
  for (const [name, options] of sparse) {
    withGnuTar(`sparse files of ${name} unpack to the same files, with holes`, async () => {
      using folder = temporaryFolder();
      writeSparse(folder.join("few"), [0, 5 * MEGABYTE], 20 * MEGABYTE);
      // more than the 4 extents of a header, and the 21 of each block that follows it
      writeSparse(
        folder.join("many"),
        Array.from({ length: 60 }, (_, i) => i * 128 * 1024),
        9 * MEGABYTE,
      );
      writeSparse(folder.join("data-at-the-end"), [8 * MEGABYTE - 2], 8 * MEGABYTE);
      writeSparse(folder.join("hole"), [], 4 * MEGABYTE);
      writeFileSync(folder.join("after"), "the next member is found");
      wholeSeconds(folder.path);
      const archive = archiveOf(folder, [...options]);
      expect(archive.length).toBeLessThan(3 * MEGABYTE);
      await expectSame(folder, archive);
      const { tree } = await treeOf(archive);
      expect(tree.few?.allocated).toBeLessThan(MEGABYTE);
      expect(tree.hole?.allocated).toBe(0);
    });
  }
});

describe("PAX records", () => {
  test("win over the header, sizes and owners too", async () => {
    const pax = { path: "real", size: "5", mtime: "7.000000001", comment: "a=b\nc" };
    const { tree } = await treeOf([{ path: "header", data: "12345", claimedSize: 0, pax }, { path: "next" }]);
    expect(only(tree, "content", "mtime")).toMatchObject({
      real: { content: "12345", mtime: "7.000000001" },
      next: {},
    });
    expect(tree).not.toHaveProperty("header");
  });

  test("of a global header hold for all members after it, unless a member says otherwise", async () => {
    const global: TarEntry = { path: "g", type: "paxGlobal", data: paxRecord("mtime", Buffer.from("99")) };
    const { tree } = await treeOf([
      { path: "before", mtime: 1 },
      global,
      { path: "after", mtime: 2 },
      { path: "own", pax: { mtime: "3" } },
    ]);
    expect([tree.before?.mtime, tree.after?.mtime, tree.own?.mtime].map(Number)).toEqual([1, 99, 3]);
  });

  test("keep names that are not UTF-8", async () => {
    const name = Buffer.from("caf\xe9", "latin1");
    const { tree } = await treeOf([{ path: "header", data: "x", pax: { path: name } }]);
    expect(Object.keys(tree)).toEqual([".", "caf\xe9"]);
  });

  const wrong: readonly (readonly [string, string])[] = [
    ["a length that reaches beyond the header", "99 path=x\n"],
    ["a length that is too short", "5 path=x\n"],
    ["no length", "path=x\n"],
    ["no value", "7 path\n"],
    ["a length of 0", "0 path=x\n"],
    ["no end of line", "9 path=xy"],
    ["a NUL in a name", "11 path=x\0y\n"],
    ["a size that is no number", "11 size=1x\n"],
    ["a negative size", "11 size=-1\n"],
    ["a time that is no time", "15 mtime=1.2.3\n"],
  ];
  for (const [what, data] of wrong) {
    test(`with ${what} are an error`, async () => {
      expect(
        await refusal([
          { path: "pax", type: "paxHeader", data },
          { path: "file", data: "x" },
        ]),
      ).toContain("PAX");
    });
  }
});

describe("a damaged archive is an error:", () => {
  const whole = writeTar([
    { path: "one", data: "x".repeat(700) },
    { path: "two", data: "y" },
  ]);
  const damaged = (at: number, byte: number) => {
    const copy = whole.slice();
    copy[at] = byte;
    return copy;
  };
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["cut within a header", whole.slice(0, 300), "truncated"],
    ["cut within data", whole.slice(0, 900), "truncated"],
    ["cut within the padding of data", whole.slice(0, 1400), "truncated"],
    [
      "cut behind a PAX header",
      writeTar([{ path: "p", type: "paxHeader", data: "9 a=bcde\n" }], { end: false }),
      "truncated",
    ],
    ["another byte in a header", damaged(3, 0x21), "checksum"],
    ["no tar at all", Buffer.alloc(2048, "this is text "), "checksum"],
    ["a size that is no number", writeTar([{ path: "file", claimedSize: 0 }]).fill(0x39, 124, 130), "checksum"],
  ];
  for (const [what, archive, message] of cases) {
    test(what, async () => {
      expect(await refusal(archive)).toContain(message);
    });
  }

  test("a negative size", async () => {
    expect(await refusal([{ path: "file", claimedSize: -1 }])).toContain("size");
  });
});

test("an archive without its closing zeros, or with a megabyte of them, is whole", async () => {
  const entries = [{ path: "file", data: "x" }];
  for (const archive of [
    writeTar(entries, { end: false }),
    new Uint8Array(Buffer.concat([writeTar(entries), Buffer.alloc(MEGABYTE)])),
  ]) {
    expect(Object.keys((await treeOf(archive)).tree)).toEqual([".", "file"]);
  }
});

test("an archive of nothing is an empty tree", async () => {
  const { tree, entries } = await treeOf([]);
  expect([entries, Object.keys(tree)]).toEqual([0, ["."]]);
});
