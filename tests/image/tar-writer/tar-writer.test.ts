/** What the writer writes is read back by tsbox's own reader, and by GNU tar. */
import { describe, expect, test } from "bun:test";
import { type Member, TarParser } from "../../../src/image/tar-reader/index.ts";
import { END_OF_ARCHIVE, type TarMember, tarHeader, tarPadding } from "../../../src/image/tar-writer/index.ts";

const BASE: TarMember = { name: "file", type: "0", mode: 0o644, uid: 0, gid: 0, mtime: [0n, 0] };

function read(bytes: Uint8Array): { member: Member; data: Uint8Array }[] {
  const found: { member: Member; data: Uint8Array }[] = [];
  const parser = new TarParser({
    begin: (member) =>
      void found.push({ member: { ...member }, data: new Uint8Array(member.sparse?.size ?? member.size) }),
    data: (piece, offset) => found.at(-1)?.data.set(piece, offset),
    end: () => {},
  });
  parser.push(bytes);
  parser.finish();
  return found;
}

function write(member: TarMember, data = ""): Uint8Array {
  const content = Buffer.from(data, "latin1");
  return Buffer.concat([
    tarHeader({ size: content.length, ...member }),
    content,
    tarPadding(content.length),
    END_OF_ARCHIVE,
  ]);
}

const only = (bytes: Uint8Array): Member => {
  const [first, ...more] = read(bytes);
  if (first === undefined || more.length > 0) throw new Error(`${more.length + 1} members`);
  return first.member;
};

describe("names", () => {
  const NAMES = [
    "a",
    "a".repeat(100),
    "a".repeat(101),
    `${"d/".repeat(150)}x`,
    "a\xff\x80b",
    `${"\xff".repeat(120)}`,
    "sp ace\n",
  ];
  for (const name of NAMES) {
    test(`of ${name.length} bytes, ${JSON.stringify(name.slice(0, 10))}...`, () => {
      expect(Buffer.from(only(write({ ...BASE, name })).name).toString("latin1")).toBe(name);
      const link = only(write({ ...BASE, type: "2", linkName: name }));
      expect(Buffer.from(link.linkName).toString("latin1")).toBe(name);
    });
  }
});

test("numbers that ustar has no room for, and times before 1970 and to the nanosecond", () => {
  for (const [seconds, nanoseconds] of [
    [0, 0],
    [1_700_000_000, 123_456_789],
    [1, 100],
    [-1, 500_000_000],
    [-5, 0],
    [9_000_000_000, 1],
  ] as const)
    expect(only(write({ ...BASE, mtime: [BigInt(seconds), nanoseconds] })).mtime).toEqual([seconds, nanoseconds]);
  const large = only(write({ ...BASE, uid: 4_000_000_000, gid: 2_097_152 }));
  expect([large.uid, large.gid]).toEqual([4_000_000_000, 2_097_152]);
  const size = 9_000_000_000;
  const header = tarHeader({ ...BASE, size });
  const seen: number[] = [];
  const parser = new TarParser({ begin: (member) => void seen.push(member.size), data: () => {}, end: () => {} });
  parser.push(header);
  expect(seen).toEqual([size]);
});

test("attributes of any bytes", () => {
  const value = Uint8Array.from([0, 255, 10, 61, 128]);
  const { pax } = only(
    write({
      ...BASE,
      attributes: [
        ["security.capability", value],
        ["user.\xe4", new Uint8Array(1000)],
      ],
    }),
  );
  expect(pax.get("SCHILY.xattr.security.capability")).toEqual(value);
  expect([...pax.keys()].length).toBe(2);
});

test("a sparse file has its data where it was", () => {
  for (const extents of [
    [
      [0, 4],
      [8192, 4],
    ],
    [[100_000, 0]],
    [
      [4096, 8],
      [100_000, 0],
    ],
  ] as const) {
    const stored = extents.reduce((sum, [, length]) => sum + length, 0);
    const content = Buffer.alloc(stored, "x");
    const bytes = Buffer.concat([
      tarHeader({ ...BASE, name: "dir/sparse", size: 100_000, extents }),
      content,
      tarPadding(stored),
      END_OF_ARCHIVE,
    ]);
    const [{ member, data } = { member: undefined, data: new Uint8Array() }] = read(bytes);
    expect(Buffer.from(member?.name ?? "").toString()).toBe("dir/sparse");
    const expected = Buffer.alloc(100_000);
    for (const [offset, length] of extents) expected.fill("x", offset, offset + length);
    expect(Buffer.compare(Buffer.from(data), expected)).toBe(0);
  }
});

test("GNU tar reads it without a word", () => {
  const members: [TarMember, string][] = [
    [{ ...BASE, name: "folder/", type: "5", mode: 0o755 }, ""],
    [{ ...BASE, name: "folder/file", uid: 3_000_000, mtime: [1_700_000_000n, 5] }, "content"],
    [{ ...BASE, name: "folder/hard", type: "1", linkName: "folder/file" }, ""],
    [{ ...BASE, name: `folder/${"l".repeat(150)}`, type: "2", linkName: "t".repeat(150) }, ""],
    [{ ...BASE, name: "folder/fifo", type: "6" }, ""],
    [{ ...BASE, name: "folder/null", type: "3", devMajor: 1, devMinor: 3 }, ""],
  ];
  const pieces = members.flatMap(([member, data]) => {
    const content = Buffer.from(data);
    return [tarHeader({ ...member, size: content.length }), content, tarPadding(content.length)];
  });
  const tar = Bun.spawnSync(["tar", "tv", "--numeric-owner", "--full-time"], {
    stdin: Buffer.concat([...pieces, END_OF_ARCHIVE]),
    env: { ...process.env, TZ: "UTC" },
  });
  expect([tar.exitCode, tar.stderr.toString()]).toEqual([0, ""]);
  const lines = tar.stdout.toString().split("\n");
  expect(lines[1]).toMatch(/^-rw-r--r-- 3000000\/0\s+7 2023-11-14 22:13:20\.000000005 folder\/file$/);
  expect(lines[2]).toContain("folder/hard link to folder/file");
  expect(lines[5]).toContain("1,3");
});
