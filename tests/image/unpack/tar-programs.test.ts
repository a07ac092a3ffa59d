/** Archives as other programs write them, in each of their formats: unpacked, they are what was packed. */
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
import { listTree } from "../../support/list-tree.ts";
import { program, requires, userNamespaces } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";
import { singleMapping, treeOf } from "../../support/unpack.ts";

const withGnuTar = requires(userNamespaces, program("tar"));
const withBsdTar = requires(userNamespaces, program("bsdtar", false));

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

async function expectSame(folder: TemporaryFolder, archive: Uint8Array<ArrayBuffer>): Promise<void> {
  const mapping = singleMapping();
  expect(await treeOf(archive, { mapping })).toEqual(await listTree(folder.path, mapping));
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
    });
  }
});
