import { expect, test } from "bun:test";
import {
  blobPath,
  chainIDs,
  digestAlgorithm,
  digestHex,
  isDigest,
  parseDigest,
  sha256Of,
} from "../../src/oci/index.ts";

const HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("the digest of nothing is known", () => {
  expect<string>(sha256Of("")).toBe(`sha256:${HEX}`);
  expect(sha256Of(new Uint8Array())).toBe(sha256Of(""));
});

test("a digest comes apart into algorithm and hexadecimal digits", () => {
  const digest = parseDigest(`sha256:${HEX}`);
  expect(digestAlgorithm(digest)).toBe("sha256");
  expect(digestHex(digest)).toBe(HEX);
  expect(blobPath(digest)).toBe(`blobs/sha256/${HEX}`);
  expect(digestAlgorithm(parseDigest(`sha512:${HEX}${HEX}`))).toBe("sha512");
});

test.each([
  ["nothing", ""],
  ["no algorithm", HEX],
  ["upper case", `sha256:${HEX.toUpperCase()}`],
  ["upper-case algorithm", `SHA256:${HEX}`],
  ["one digit too few", `sha256:${HEX.slice(1)}`],
  ["one digit too many", `sha256:${HEX}0`],
  ["the length of another algorithm", `sha512:${HEX}`],
  ["a line feed at the end", `sha256:${HEX}\n`],
  ["a path", `sha256:../../../../../../../../../../../../../../../../../../etc/passwd000000`],
  ["an algorithm that is a property of objects", `constructor:${HEX}`],
  ["an algorithm that tsbox cannot verify", "md5:d41d8cd98f00b204e9800998ecf8427e"],
  ["a number", 1],
  ["null", null],
])("CVE-2024-3727: %s is no digest", (_, text) => {
  expect(isDigest(text)).toBe(false);
  expect(() => parseDigest(text, "layer 1")).toThrow(/^cannot use layer 1: /);
});

test("chain ids name a layer and all below it, as the specification computes them", () => {
  const [a, b, c] = [sha256Of("a"), sha256Of("b"), sha256Of("c")];
  const ab = sha256Of(`${a} ${b}`);
  expect(chainIDs([a, b, c])).toEqual([a, ab, sha256Of(`${ab} ${c}`)]);
  expect(chainIDs([])).toEqual([]);
});
