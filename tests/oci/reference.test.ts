import { expect, test } from "bun:test";
import { TsboxError } from "../../src/error.ts";
import { familiarName, parseReference, referenceName } from "../../src/oci/index.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

test.each([
  ["alpine", "docker.io/library/alpine:latest", "alpine:latest"],
  ["alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"],
  ["docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
  ["index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
  ["someone/thing", "docker.io/someone/thing:latest", "someone/thing:latest"],
  ["library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
  ["ghcr.io/a/b:c", "ghcr.io/a/b:c", "ghcr.io/a/b:c"],
  [`ghcr.io/a/b@${DIGEST}`, `ghcr.io/a/b@${DIGEST}`, `ghcr.io/a/b@${DIGEST}`],
  [`alpine:3@${DIGEST}`, `docker.io/library/alpine:3@${DIGEST}`, `alpine:3@${DIGEST}`],
  ["localhost/x", "localhost/x:latest", "localhost/x:latest"],
  ["localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"],
  ["localhost:5000/x/y:1.2_3-4", "localhost:5000/x/y:1.2_3-4", "localhost:5000/x/y:1.2_3-4"],
  ["[2001:db8::1]:5000/x", "[2001:db8::1]:5000/x:latest", "[2001:db8::1]:5000/x:latest"],
  ["Registry.Example/x", "Registry.Example/x:latest", "Registry.Example/x:latest"],
  ["HOST/x", "HOST/x:latest", "HOST/x:latest"],
  ["a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest", "a__b/c--d.e_f:latest"],
  [`x:${"t".repeat(128)}`, `docker.io/library/x:${"t".repeat(128)}`, `x:${"t".repeat(128)}`],
])("%s is %s", (text, full, familiar) => {
  const reference = parseReference(text);
  expect(referenceName(reference)).toBe(full);
  expect(familiarName(reference)).toBe(familiar);
  // every way to write it means the same
  expect(parseReference(full)).toEqual(reference);
  expect(parseReference(familiar)).toEqual(reference);
});

test.each([
  ["", "empty"],
  ["Alpine", "lower case"],
  ["ghcr.io/A/b", "lower case"],
  ["alpine:", "tag"],
  ["alpine:-x", "tag"],
  [`x:${"t".repeat(129)}`, "tag"],
  ["alpine:a b", "tag"],
  ["alpine@", "digest"],
  ["alpine@sha256:abc", "digest"],
  [`alpine@${DIGEST}@${DIGEST}`, "digest"],
  ["/alpine", "repository"],
  ["alpine/", "repository"],
  ["a//b", "repository"],
  ["../etc", "host"],
  ["ghcr.io/../b", "repository"],
  ["ghcr.io/a/./b", "repository"],
  ["a___b", "repository"],
  ["a..b", "repository"],
  ["-a", "repository"],
  ["_.example/x", "host"],
  ["user@ghcr.io/x", "digest"],
  ["https://ghcr.io/x", "host"],
  ["alpine\n", "repository"],
  ["alpine?x=1", "repository"],
  ["ghcr.io:port/x", "host"],
  ["0123456789abcdef".repeat(4), "id"],
  [`ghcr.io/${"a".repeat(250)}`, "255"],
])("%j is refused, and the message says %s", (text, reason) => {
  const parse = () => parseReference(text);
  expect(parse).toThrow(TsboxError);
  expect(parse).toThrow(/^cannot use image name /);
  expect(parse).toThrow(reason);
});

test("the bare name has neither tag nor digest", () => {
  expect(familiarName(parseReference(`ghcr.io/a/b:c@${DIGEST}`), true)).toBe("ghcr.io/a/b");
  expect(familiarName(parseReference("alpine"), true)).toBe("alpine");
});
