/** From the blob to the archive: compression, digests, blobs that still grow, limits, and what happens when things end early. */
import { describe, expect } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { unpackLayer } from "../../../src/image/unpack/index.ts";
import { parseDigest } from "../../../src/oci/index.ts";
import { requires } from "../../support/skip.ts";
import { writeTar } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { ANY, ANY_NEEDS, compress, digestOf, listTree, refusal, treeOf } from "./tree.ts";

const test = requires(...ANY_NEEDS);
const MEGABYTE = 1024 * 1024;
const LIMITS = { bytes: 1024 ** 4, entries: 1000, unboundedBytes: 1024 ** 3, ratio: 2000 };

/** Does not compress, so that the blob has several chunks. */
const RANDOM = Buffer.alloc(5 * MEGABYTE);
for (let i = 0; i < RANDOM.length; i += 32) RANDOM.set(new Bun.CryptoHasher("sha256").update(String(i)).digest(), i);

const TAR = writeTar([
  { path: "random", data: RANDOM },
  { path: "text", data: "text" },
]);

for (const compression of ["none", "gzip", "zstd"] as const) {
  describe(`a layer with compression ${compression}`, () => {
    const blob = compress(TAR, compression);

    test("is unpacked", async () => {
      const { tree, bytes, entries } = await treeOf(TAR, { blob, compression });
      expect(tree.random?.content).toBe(`${RANDOM.length} bytes, sha256 ${digestOf(RANDOM).slice("sha256:".length)}`);
      expect(tree.text?.content).toBe("text");
      expect(entries).toBe(2);
      expect(bytes).toBeGreaterThanOrEqual(RANDOM.length);
    });

    test("is unpacked while it grows", async () => {
      using folder = temporaryFolder();
      const [blobPath, destination] = [folder.join("blob"), folder.join("tree")];
      mkdirSync(destination);
      writeFileSync(blobPath, "");
      const unpacking = unpackLayer({ blobPath, destination, compression, diffID: digestOf(TAR), mapping: ANY });
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
      expect((await listTree(destination, ANY)).text?.content).toBe("text");
    });

    test("with another diffID is an integrity error that names both", async () => {
      const other = digestOf(Buffer.from("other"));
      const message = await refusal(TAR, { blob, compression, diffID: other });
      expect(message).toContain(other);
      expect(message).toContain(digestOf(TAR));
    });

    test("cut short is an error", async () => {
      const cut = blob.subarray(0, blob.length - 2000);
      expect(await refusal(TAR, { blob: cut, compression })).toMatch(/damaged|truncated|ends/);
    });

    test("with damage inside is an error", async () => {
      const copy = Buffer.from(blob);
      copy.fill(0x55, 3 * MEGABYTE, 3 * MEGABYTE + 64);
      expect(await refusal(TAR, { blob: copy, compression })).toMatch(/damaged|digest/);
    });

    if (compression !== "none") {
      test("in several parts, one behind the other, is one layer", async () => {
        const parts = [TAR.slice(0, 1000), TAR.slice(1000, 3 * MEGABYTE), TAR.slice(3 * MEGABYTE)];
        const several = Buffer.concat(parts.map((part) => compress(part, compression)));
        expect(Object.keys((await treeOf(TAR, { blob: several, compression })).tree)).toEqual([".", "random", "text"]);
      });

      test("that is no such data is an error", async () => {
        expect(await refusal(TAR, { blob: Buffer.from("no such data at all"), compression })).toContain("damaged");
      });
    }
  });
}

test("the diffID may be of sha512", async () => {
  const diffID = parseDigest(`sha512:${new Bun.CryptoHasher("sha512").update(TAR).digest("hex")}`);
  expect(Object.keys((await treeOf(TAR, { diffID })).tree)).toEqual([".", "random", "text"]);
});

describe("the parent may", () => {
  function begin(folder: string) {
    const blobPath = `${folder}/blob`;
    mkdirSync(`${folder}/tree`);
    writeFileSync(blobPath, TAR);
    return unpackLayer({
      blobPath,
      destination: `${folder}/tree`,
      compression: "none",
      diffID: digestOf(TAR),
      mapping: ANY,
    });
  }

  test("give up, before the blob is whole or after", async () => {
    for (const whole of [false, true]) {
      using folder = temporaryFolder();
      const unpacking = begin(folder.path);
      unpacking.have(2 * MEGABYTE);
      if (whole) unpacking.end(TAR.length);
      unpacking.abort();
      await expect(unpacking.result).rejects.toThrow("cannot");
    }
  });

  test("claim more of the blob than there is, which fails and does not wait for ever", async () => {
    using folder = temporaryFolder();
    const unpacking = begin(folder.path);
    unpacking.end(TAR.length + 1);
    await expect(unpacking.result).rejects.toThrow("shorter");
  });
});

describe("limits:", () => {
  test("more entries than allowed are an error", async () => {
    const entries = Array.from({ length: 11 }, (_, i) => ({ path: `file${i}` }));
    expect(await refusal(entries, { limits: { ...LIMITS, entries: 10 } })).toContain("10 entries");
  });

  test("more bytes than allowed are an error, in files or between them", async () => {
    const limits = { ...LIMITS, bytes: MEGABYTE };
    expect(await refusal([{ path: "file", data: Buffer.alloc(2 * MEGABYTE) }], { limits })).toContain("bytes");
    const zeros = new Uint8Array(Buffer.concat([writeTar([{ path: "file" }]), Buffer.alloc(2 * MEGABYTE)]));
    expect(await refusal(zeros, { limits })).toContain("bytes");
  });

  test("a sparse file that claims to be larger than allowed is an error", async () => {
    const pax = { "GNU.sparse.map": "0,1", "GNU.sparse.size": String(2 * MEGABYTE) };
    expect(await refusal([{ path: "file", data: "x", pax }], { limits: { ...LIMITS, bytes: MEGABYTE } })).toContain(
      "bytes",
    );
  });
});
