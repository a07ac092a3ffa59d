/** From the blob to the archive: compression, digests, blobs that still grow, limits, parents that give up. */
import { describe, expect } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { unpackLayer } from "../../../src/image/unpack/index.ts";
import { DEFAULT_LIMITS } from "../../../src/image/unpack/protocol.ts";
import { type Compression, parseDigest } from "../../../src/oci/index.ts";
import { listTree } from "../../support/list-tree.ts";
import { sha256 } from "../../support/oci-image.ts";
import { requires, userNamespaces } from "../../support/skip.ts";
import { writeTar } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { singleMapping, treeOf, unpack } from "../../support/unpack.ts";

const test = requires(userNamespaces);
const mapping = singleMapping();

const MEGABYTE = 1024 * 1024;
/** Does not compress, so that the blob has several chunks. */
const RANDOM = Buffer.alloc(5 * MEGABYTE);
for (let i = 0; i < RANDOM.length; i += 32) RANDOM.set(new Bun.CryptoHasher("sha256").update(String(i)).digest(), i);

const TAR = writeTar([
  { path: "random", data: RANDOM },
  { path: "text", data: "text" },
]);

function compress(tar: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array {
  if (compression === "gzip") return Bun.gzipSync(tar);
  return compression === "zstd" ? Bun.zstdCompressSync(tar) : tar;
}

const KINDS = [
  { compression: "none", crowded: false },
  { compression: "gzip", crowded: false },
  // is decompressed by the worker's own thread, in other ways
  { compression: "gzip", crowded: true },
  { compression: "zstd", crowded: false },
] as const;

for (const { compression, crowded } of KINDS) {
  describe(`a layer with compression ${compression}${crowded ? ", among others" : ""}`, () => {
    const blob = compress(TAR, compression);
    const settings = { mapping, compression, crowded };

    test("is unpacked", async () => {
      using unpacked = await unpack(TAR, settings);
      const tree = await unpacked.tree();
      expect(tree.random?.content).toBe(`${RANDOM.length} bytes, ${sha256(RANDOM).replace(":", " ")}`);
      expect(tree.text?.content).toBe("text");
      expect(unpacked.result.entries).toBe(2);
    });

    test("is unpacked while it grows", async () => {
      using folder = temporaryFolder();
      const [blobPath, destination] = [folder.join("blob"), folder.join("tree")];
      mkdirSync(destination);
      writeFileSync(blobPath, "");
      const unpacking = unpackLayer({ blobPath, destination, diffID: parseDigest(sha256(TAR)), ...settings });
      let at = 0;
      for (const size of [1, 511, 700_000, 2 * MEGABYTE]) {
        appendFileSync(blobPath, blob.subarray(at, at + size));
        at += size;
        unpacking.have(at);
        await Bun.sleep(5);
      }
      appendFileSync(blobPath, blob.subarray(at));
      unpacking.end(blob.length);
      await unpacking.result;
      expect((await listTree(destination, mapping)).text?.content).toBe("text");
    });

    test("with another diffID is an integrity error that names both", async () => {
      const other = sha256("other");
      await expect(unpack(TAR, { ...settings, diffID: other })).rejects.toMatchObject({
        code: "integrity",
        message: expect.stringMatching(new RegExp(`${sha256(TAR)}.*${other}`)),
      });
    });

    test("cut short is an error", async () => {
      const cut = blob.subarray(0, blob.length - 2000);
      await expect(unpack(TAR, { ...settings, blob: cut })).rejects.toThrow(/damaged|truncated/);
    });

    test("with damage inside is an error", async () => {
      const copy = Buffer.from(blob);
      copy.fill(0x55, 3 * MEGABYTE, 3 * MEGABYTE + 64);
      await expect(unpack(TAR, { ...settings, blob: copy })).rejects.toThrow(/damaged|digest/);
    });

    if (compression !== "none") {
      test("in several parts, one behind the other, is one layer", async () => {
        const parts = [TAR.slice(0, 1000), TAR.slice(1000, 3 * MEGABYTE), TAR.slice(3 * MEGABYTE)];
        const several = Buffer.concat(parts.map((part) => compress(part, compression)));
        expect(Object.keys(await treeOf(TAR, { ...settings, blob: several }))).toEqual([".", "random", "text"]);
      });

      test("with nothing in it is an error", async () => {
        await expect(unpack(TAR, { ...settings, blob: new Uint8Array() })).rejects.toMatchObject({
          code: expect.any(String),
        });
      });

      test("that is no such data is an error", async () => {
        const text = Buffer.from("no such data at all");
        await expect(unpack(TAR, { ...settings, blob: text })).rejects.toMatchObject({ code: "invalid" });
      });
    }
  });
}

for (const crowded of [false, true]) {
  test(`zeros may follow gzip data, other bytes may not (${crowded ? "among others" : "alone"})`, async () => {
    const settings = { mapping, compression: "gzip", crowded } as const;
    const blob = (tail: Uint8Array) => Buffer.concat([Bun.gzipSync(TAR), tail]);
    expect(Object.keys(await treeOf(TAR, { ...settings, blob: blob(Buffer.alloc(1500)) }))).toContain("text");
    const garbage = unpack(TAR, { ...settings, blob: blob(Buffer.from("garbage")) });
    await expect(garbage).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("damaged") });
  });
}

test("the diffID may be of sha512", async () => {
  const diffID = `sha512:${new Bun.CryptoHasher("sha512").update(TAR).digest("hex")}`;
  expect(Object.keys(await treeOf(TAR, { mapping, diffID }))).toEqual([".", "random", "text"]);
});

describe("the parent may", () => {
  function begin(folder: string) {
    const [blobPath, destination] = [`${folder}/blob`, `${folder}/tree`];
    mkdirSync(destination);
    writeFileSync(blobPath, TAR);
    return unpackLayer({ blobPath, destination, compression: "none", diffID: parseDigest(sha256(TAR)), mapping });
  }

  for (const when of ["before", "after"]) {
    test(`give up ${when} the blob is whole`, async () => {
      using folder = temporaryFolder();
      const unpacking = begin(folder.path);
      unpacking.have(2 * MEGABYTE);
      if (when === "after") unpacking.end(TAR.length);
      unpacking.abort();
      await expect(unpacking.result).rejects.toThrow("cannot");
    });
  }

  test("claim more of the blob than there is, which fails and does not wait for ever", async () => {
    using folder = temporaryFolder();
    const unpacking = begin(folder.path);
    unpacking.end(TAR.length + 1);
    await expect(unpacking.result).rejects.toThrow("shorter");
  });
});

describe("limits are errors:", () => {
  test("more entries", async () => {
    const entries = Array.from({ length: 11 }, (_, i) => ({ path: `file${i}` }));
    await expect(unpack(entries, { mapping, limits: { ...DEFAULT_LIMITS, entries: 10 } })).rejects.toThrow(
      "10 entries",
    );
  });

  test("more bytes, in files or between them", async () => {
    const limits = { ...DEFAULT_LIMITS, bytes: MEGABYTE };
    const data = [{ path: "file", data: Buffer.alloc(2 * MEGABYTE) }];
    await expect(unpack(data, { mapping, limits })).rejects.toThrow("bytes");
    const zeros = new Uint8Array(Buffer.concat([writeTar([{ path: "file" }]), Buffer.alloc(2 * MEGABYTE)]));
    await expect(unpack(zeros, { mapping, limits })).rejects.toThrow("bytes");
  });
});
