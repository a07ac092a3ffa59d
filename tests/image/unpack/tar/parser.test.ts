/** What the tar parser makes of archives of every form, without touching a file system. */
import { describe, expect, test } from "bun:test";
import { type Member, TarParser } from "../../../../src/image/unpack/tar/parser.ts";
import { writeTar } from "../../../support/tar.ts";
import {
  archive,
  type Bytes,
  base256,
  gnuLong,
  latin1,
  oldSparse,
  pax,
  raw,
  sparseMap10,
} from "../../../support/tar-writer.ts";

type Seen = { name: string; link: string; member: Member; data: Map<number, string>; ended: boolean };

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** Pushes an archive in pieces of a size. */
function parse(tar: Uint8Array, step = tar.length || 1): Seen[] {
  const seen: Seen[] = [];
  const parser = new TarParser({
    begin: (member) =>
      void seen.push({ name: text(member.name), link: text(member.linkName), member, data: new Map(), ended: false }),
    data(bytes, offset) {
      const data = seen.at(-1)?.data;
      // adjoining pieces as one, so that results do not depend on how the archive was cut
      const [at, before] = [...(data ?? [])].find(([start, held]) => start + held.length === offset) ?? [offset, ""];
      data?.set(at, before + text(bytes));
    },
    end() {
      const last = seen.at(-1);
      if (last !== undefined) last.ended = true;
    },
  });
  for (let at = 0; at < tar.length; at += step) parser.push(tar.subarray(at, at + step));
  parser.finish();
  return seen;
}

const only = (tar: Uint8Array) => {
  const seen = parse(tar);
  expect(seen).toHaveLength(1);
  return seen[0] as Seen; // cast: there is one
};

const content = ({ data }: Seen) => Object.fromEntries(data);

describe("headers", () => {
  test("a POSIX header is read field by field", () => {
    const { name, link, member } = only(
      archive(raw({ name: "bin/sh", type: "2", link: "dash", mode: 0o4755, uid: 7, gid: 8, mtime: 1_700_000_000 })),
    );
    expect([name, link]).toEqual(["bin/sh", "dash"]);
    expect(member).toMatchObject({ type: "2", mode: 0o4755, uid: 7, gid: 8, mtime: [1_700_000_000, 0], size: 0 });
  });

  test("a name of 256 bytes is put together from prefix and name", () => {
    const prefix = "p".repeat(155);
    const name = "n".repeat(100);
    expect(only(archive(raw({ name, patch: { 345: prefix } }))).name).toBe(`${prefix}/${name}`);
  });

  test("what GNU tar has in the place of the prefix is no part of the name", () => {
    expect(only(archive(raw({ name: "a", format: "gnu", patch: { 345: "00001234567" } }))).name).toBe("a");
  });

  test("headers from before POSIX have no magic, no prefix and type NUL", () => {
    const tar = archive(raw({ name: "a", type: "\0", data: "x", format: "old", patch: { 345: "no prefix" } }));
    expect(only(tar).member.type).toBe("0");
    expect(only(tar).name).toBe("a");
  });

  test("names are bytes, whatever they would mean in UTF-8", () => {
    expect(only(archive(raw({ name: latin1("caf\xe9\xff") }))).name).toBe("caf\xe9\xff");
    expect(only(archive(gnuLong("L", latin1("\xff".repeat(120))), raw({}))).name).toBe("\xff".repeat(120));
    expect(only(archive(pax([["path", latin1("\xc3\x28")]]), raw({}))).name).toBe("\xc3\x28");
  });

  test.each([
    ["octal with spaces around it", { 108: "   144 \0" }, 100],
    ["octal that fills the field", { 108: "00000144" }, 100],
    ["an empty field", { 108: "\0\0\0\0\0\0\0\0" }, 0],
    ["base-256", { 108: base256(5_000_000n, 8) }, 5_000_000],
  ])("a number: %s", (_what, patch, uid) => {
    expect(only(archive(raw({ patch }))).member.uid).toBe(uid);
  });

  test("times before 1970 are base-256 and negative", () => {
    expect(only(archive(raw({ patch: { 136: base256(-5n, 12) } }))).member.mtime).toEqual([-5, 0]);
  });

  test("checksums of signed bytes are right too, as some old programs made them", () => {
    const wrongBy = -256 * 2;
    expect(only(archive(raw({ name: latin1("\xe9\xe9"), wrongBy }))).name).toBe("\xe9\xe9");
  });

  test("the archive's end may be missing, or be followed by anything", () => {
    expect(parse(raw({ data: "x" }))).toHaveLength(1);
    expect(parse(new Uint8Array())).toHaveLength(0);
    expect(parse(Buffer.concat([archive(raw({})), Buffer.from("anything at all")]))).toHaveLength(1);
    expect(parse(Buffer.concat([raw({}), Buffer.alloc(512)]))).toHaveLength(1);
  });

  test.each([
    ["a wrong checksum", archive(raw({ wrongBy: 1 })), /checksum/],
    ["no tar at all", Buffer.alloc(1024, "hello "), /not a tar archive|checksum/],
    ["a letter in a number", archive(raw({ patch: { 124: "0000000000z\0" } })), /size is not a number/],
    ["a negative size", archive(raw({ patch: { 124: base256(-512n, 12) } })), /size is negative/],
    ["a size beyond all numbers", archive(raw({ patch: { 124: base256(2n ** 94n, 12) } })), /out of range/],
    ["data cut off", archive(raw({ data: "x".repeat(600) })).subarray(0, 600), /truncated/],
    ["padding cut off", raw({ data: "x" }).subarray(0, 600), /truncated/],
    ["a header cut off", raw({}).subarray(0, 500), /truncated/],
    ["one block of zeros in the middle", Buffer.concat([raw({}), Buffer.alloc(512), raw({})]), /zeros in the middle/],
    ["a long name of nothing", archive(gnuLong("L", "x")), /truncated/],
    ["an extended header of nothing", pax([["path", "x"]]), /truncated/],
  ])("%s is an error", (_what, tar, message) => {
    expect(() => parse(tar)).toThrow(message);
  });
});

describe("long names", () => {
  const name = `${"folder/".repeat(40)}file`;

  test("GNU's, of the entry and of its link", () => {
    const seen = only(archive(gnuLong("K", `${name}-target`), gnuLong("L", name), raw({ type: "2" })));
    expect([seen.name, seen.link]).toEqual([name, `${name}-target`]);
  });

  test("PAX's, of the entry and of its link", () => {
    const seen = only(
      archive(
        pax([
          ["path", name],
          ["linkpath", `${name}-target`],
        ]),
        raw({ type: "1" }),
      ),
    );
    expect([seen.name, seen.link]).toEqual([name, `${name}-target`]);
  });

  test("they count for one entry only", () => {
    const seen = parse(archive(gnuLong("L", name), raw({}), pax([["path", "b"]]), raw({}), raw({ name: "c" })));
    expect(seen.map((entry) => entry.name)).toEqual([name, "b", "c"]);
  });
});

describe("PAX records", () => {
  const member = (...records: (readonly [string, Bytes])[]) => only(archive(pax(records), raw({ mtime: 9 }))).member;

  test.each([
    ["1700000000.123456789", [1_700_000_000, 123_456_789]],
    ["1700000000.5", [1_700_000_000, 500_000_000]],
    ["1.1234567899", [1, 123_456_789]],
    ["-1.5", [-2, 500_000_000]],
    ["-3", [-3, 0]],
    ["0", [0, 0]],
  ] as const)("mtime=%s", (value, expected) => {
    expect(member(["mtime", value]).mtime).toEqual(expected);
  });

  test("owners of more than 21 bits", () => {
    expect(member(["uid", "4000000000"], ["gid", "4000000001"])).toMatchObject({
      uid: 4_000_000_000,
      gid: 4_000_000_001,
    });
  });

  test("size wins over the header's", () => {
    const tar = archive(pax([["size", "3"]]), raw({ data: "abc", size: 0 }), raw({ name: "next" }));
    expect(parse(tar).map((entry) => [entry.name, content(entry)])).toEqual([
      ["file", { 0: "abc" }],
      ["next", {}],
    ]);
  });

  test("values are bytes: a capability survives", () => {
    const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0x0a, 0x3d, 0, 0, 0, 0]);
    expect(
      member(["SCHILY.xattr.security.capability", capability]).pax.get("SCHILY.xattr.security.capability"),
    ).toEqual(capability);
  });

  test("an empty value takes a record back", () => {
    expect(member(["mtime", "5"], ["mtime", ""]).mtime).toEqual([9, 0]);
  });

  test("global ones count until the end, but cannot name or measure a member", () => {
    const tar = archive(
      pax(
        [
          ["mtime", "77"],
          ["path", "evil"],
          ["size", "12"],
          ["linkpath", "evil"],
        ],
        "g",
      ),
      raw({ name: "a" }),
      pax([["mtime", "78"]]),
      raw({ name: "b" }),
      raw({ name: "c" }),
    );
    expect(parse(tar).map(({ name, member: { mtime, size } }) => [name, mtime[0], size])).toEqual([
      ["a", 77, 0],
      ["b", 78, 0],
      ["c", 77, 0],
    ]);
  });

  test.each([
    ["a length that is too long", "99 path=x\n", /wrong length/],
    ["a length that is too short", "5 path=x\n", /wrong length/],
    ["a length in hexadecimal", "0xa path=x\n", /wrong length/],
    ["no length", "path=x\n", /wrong length/],
    ["no value", "7 path\n", /without a value/],
    ["no newline", "9 path=x ", /wrong length/],
    ["a NUL in a path", "12 path=x\0y\n", /NUL in path/],
    ["a uid that is a name", "12 uid=root\n", /has uid=root/],
    ["a negative size", "11 size=-5\n", /has size=-5/],
    ["a time that is a word", "14 mtime=noon\n", /has mtime=noon/],
  ])("%s is an error", (_what, data, message) => {
    expect(() => parse(archive(raw({ type: "x", data }), raw({})))).toThrow(message);
  });

  test("more than a few megabytes of them are an error, before they are held in memory", () => {
    expect(() => parse(raw({ type: "x", size: 2 ** 30 }).subarray(0, 512))).toThrow(/PAX header has 1073741824/);
    expect(() => parse(raw({ type: "L", size: 2 ** 30 }).subarray(0, 512))).toThrow(/has 1073741824/);
    const global = pax([["comment", "x".repeat(60_000)]], "g");
    expect(() => parse(archive(global, global, raw({})))).toThrow(/global PAX headers/);
  });
});

describe("sparse files", () => {
  const extents = Array.from({ length: 30 }, (_, i) => [i * 1000, `data${i}`] as const);
  const expected = Object.fromEntries(extents);
  const size = 40_000;
  const data = extents.map(([, piece]) => piece).join("");
  const count = String(extents.length);
  const map = extents.flatMap(([offset, piece]) => [String(offset), String(piece.length)]).join(",");
  const named10: [string, string][] = [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "disk"],
    ["GNU.sparse.realsize", String(size)],
  ];

  const forms: [string, Uint8Array][] = [
    ["GNU's own, continued in further headers", archive(oldSparse("disk", size, extents), raw({ name: "next" }))],
    [
      "PAX 0.0, with repeated records",
      archive(
        pax([
          ["GNU.sparse.size", String(size)],
          ["GNU.sparse.numblocks", count],
          ...extents.flatMap(([offset, piece]): [string, string][] => [
            ["GNU.sparse.offset", String(offset)],
            ["GNU.sparse.numbytes", String(piece.length)],
          ]),
        ]),
        raw({ name: "disk", data }),
        raw({ name: "next" }),
      ),
    ],
    [
      "PAX 0.1, with one record",
      archive(
        pax([
          ["GNU.sparse.size", String(size)],
          ["GNU.sparse.numblocks", count],
          ["GNU.sparse.name", "disk"],
          ["GNU.sparse.map", map],
        ]),
        raw({ name: "GNUSparseFile.1/disk", data }),
        raw({ name: "next" }),
      ),
    ],
    [
      "PAX 1.0, with the map before the data",
      archive(
        pax(named10),
        raw({ name: "GNUSparseFile.1/disk", data: Buffer.concat([sparseMap10(extents), Buffer.from(data)]) }),
        raw({ name: "next" }),
      ),
    ],
  ];

  test.each(forms)("%s", (_what, tar) => {
    for (const step of [tar.length, 512, 100, 1]) {
      const [disk, next] = parse(tar, step);
      expect(disk?.name).toBe("disk");
      expect(disk?.member.sparse?.size).toBe(size);
      expect(disk && content(disk)).toEqual(expected);
      expect(next?.name).toBe("next");
    }
  });

  test("a file that is one hole has no data", () => {
    for (const tar of [
      archive(oldSparse("disk", size, [])),
      archive(pax(named10), raw({ data: sparseMap10([]) })),
      archive(pax(named10), raw({ data: sparseMap10([[size, ""]]) })),
    ]) {
      const seen = only(tar);
      expect(content(seen)).toEqual({});
      expect(seen.member.sparse?.size).toBe(size);
    }
  });

  test.each([
    [
      "extents that overlap",
      archive(
        oldSparse("disk", 100, [
          [0, "abcdef"],
          [3, "x"],
        ]),
      ),
      /not in order/,
    ],
    ["an extent beyond the end", archive(oldSparse("disk", 5, [[3, "abc"]])), /beyond the file/],
    ["a map that does not end", archive(pax(named10), raw({ data: `200\n${"0\n".repeat(254)}` })), /does not end/],
    ["a map of words", archive(pax(named10), raw({ data: `two\n${"0".repeat(508)}` })), /not made of numbers/],
    ["a map of a million and one", archive(pax(named10), raw({ data: `1000001\n${"0".repeat(504)}` })), /too long/],
    ["less data than the map says", archive(pax(named10), raw({ data: sparseMap10([[0, "abc"]]) })), /amount of data/],
    [
      "half a pair",
      archive(
        pax([
          ["GNU.sparse.size", "9"],
          ["GNU.sparse.map", "0,1,2"],
        ]),
        raw({ data: "x" }),
      ),
      /wrong number/,
    ],
  ])("%s are an error", (_what, tar, message) => {
    expect(() => parse(tar)).toThrow(message);
  });
});

describe("how the archive is cut", () => {
  const tar = Buffer.concat([
    writeTar(
      [
        { path: "folder/", type: "directory" },
        { path: "folder/file", data: "x".repeat(1500), mtime: 1.5 },
        { path: "n".repeat(200), data: "y".repeat(512) },
        { path: "link", type: "symlink", target: "t".repeat(300) },
      ],
      { end: false },
    ),
    archive(gnuLong("L", "z".repeat(700)), raw({ data: "z" })),
  ]);
  const whole = parse(tar);

  test.each([1, 7, 511, 512, 513, 1000, 4096])("makes no difference: pieces of %i bytes", (step) => {
    const cut = parse(tar, step);
    expect(cut.map((entry) => [entry.name, entry.link, content(entry), entry.ended])).toEqual(
      whole.map((entry) => [entry.name, entry.link, content(entry), entry.ended]),
    );
  });
});
