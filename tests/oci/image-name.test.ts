import { expect, test } from "bun:test";
import { imageNameText, parseImageName } from "../../src/oci/index.ts";

test.each([
  ["alpine", "docker.io/library/alpine:latest"],
  ["docker://alpine:3", "docker.io/library/alpine:3"],
  ["oci/tool", "docker.io/oci/tool:latest"],
  ["oci-archive", "docker.io/library/oci-archive:latest"],
  ["dir:5000/x", "dir:5000/x:latest"],
])("%s is in a registry: %s", (text, full) => {
  const name = parseImageName(text);
  expect(name.transport).toBe("docker");
  expect(imageNameText(name)).toBe(full);
});

test.each([
  ["oci:/a/b", "oci", "/a/b", undefined],
  ["oci:b:1.0", "oci", "b", "1.0"],
  ["oci:../b:name/with:colon", "oci", "../b", "name/with:colon"],
  ["oci-archive:x.tar:latest", "oci-archive", "x.tar", "latest"],
  ["docker-archive:x.tar", "docker-archive", "x.tar", undefined],
  ["docker-archive:x.tar:alpine:3.20", "docker-archive", "x.tar", "alpine:3.20"],
] as const)("%s is a path, and what follows a second colon a name in it", (text, transport, path, tag) => {
  expect(parseImageName(text)).toEqual({ transport, path, tag });
  expect(imageNameText(parseImageName(text))).toBe(text);
});

test.each([
  ["oci:", "usage", "path is missing"],
  ["oci::x", "usage", "path is missing"],
  ["oci:/a:", "usage", "empty"],
  ["docker://", "usage", "empty"],
  ["docker-daemon:alpine", "unsupported", "docker-daemon"],
  ["containers-storage:alpine", "unsupported", "containers-storage"],
  ["dir:/tmp/x", "unsupported", '"dir"'],
])("%s is refused as %s, and the message says %s", (text, code, reason) => {
  let error: unknown;
  try {
    parseImageName(text);
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ name: "TsboxError", code });
  expect(String(error)).toContain(reason);
});
