import { expect } from "bun:test";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { busybox, busyboxImage } from "./busybox-image.ts";
import { writeOciLayout } from "./oci-image.ts";
import { program, requires } from "./skip.ts";
import { writeTar } from "./tar.ts";
import { temporaryFolder } from "./tmp.ts";

requires(busybox, program("skopeo"))("skopeo reads a layout that these tests write, every compression included", () => {
  using folder = temporaryFolder();
  const small = (text: string) => [{ path: "file", data: text }];
  const [written] = writeOciLayout(
    folder.path,
    busyboxImage({
      tag: "v1",
      layers: [
        { content: small("a") },
        { content: small("b"), compression: "zstd" },
        { content: small("c"), compression: "none" },
      ],
    }),
  );
  const inspect = Bun.spawnSync(["skopeo", "inspect", `oci:${folder.path}:v1`]);
  expect(inspect.stderr.toString()).toBe("");
  const { Digest, Layers } = JSON.parse(inspect.stdout.toString());
  expect(Digest).toBe(written?.manifest.digest);
  expect(Layers).toEqual(written?.layers.map(({ digest }) => digest));
});

requires(busybox, program("umoci"))("umoci unpacks the busybox image to the files that were put in", () => {
  using folder = temporaryFolder();
  writeOciLayout(folder.join("layout"), busyboxImage());
  const unpack = ["umoci", "unpack", "--rootless", "--image", `${folder.join("layout")}:latest`, folder.join("bundle")];
  const result = Bun.spawnSync(unpack);
  expect(result.stderr.toString()).not.toContain("error");
  const root = folder.join("bundle/rootfs");
  expect(readlinkSync(`${root}/bin/sh`)).toBe("busybox");
  expect(lstatSync(`${root}/tmp`).mode & 0o7777).toBe(0o1777);
});

requires(program("tar"))(
  "GNU tar extracts long names, long link targets, big numbers and fractions of a second",
  () => {
    using folder = temporaryFolder();
    const long = `${"folder/".repeat(20)}file`;
    const archive = writeTar([
      { path: long, data: "long", mtime: 1234567890.25, mode: 0o640 },
      { path: "link", type: "symlink", target: long },
      { path: "old", data: "before 1970", mtime: -1000 },
    ]);
    const tar = Bun.spawnSync(["tar", "-x", "-C", folder.path], { stdin: archive });
    expect(tar.stderr.toString()).not.toContain("Error");
    expect(readFileSync(folder.join(long), "utf8")).toBe("long");
    expect(lstatSync(folder.join(long)).mtimeMs).toBe(1234567890250);
    expect(readlinkSync(folder.join("link"))).toBe(long);
    expect(lstatSync(folder.join("old")).mtimeMs).toBe(-1_000_000);
  },
);
