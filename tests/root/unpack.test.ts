/** Root unpacks without a user namespace: all ids, devices and `trusted` attributes, as umoci does. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { copyTrees } from "../../src/rootfs/tree/index.ts";
import { type Listing, listTree } from "../support/list-tree.ts";
import { writeOciLayout } from "../support/oci-image.ts";
import { native, program, requires, root } from "../support/skip.ts";
import type { TarEntry } from "../support/tar.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { ownMapping, unpack, unpackStack } from "../support/unpack.ts";

const test = requires(root, native);
const HIGHEST = 4294967294;

const LAYERS: readonly (readonly TarEntry[])[] = [
  [
    { path: "./", type: "directory", mode: 0o755, mtime: 1000 },
    { path: "dev/", type: "directory", mtime: 1000 },
    { path: "dev/null", type: "char", device: [1, 3], mode: 0o666, mtime: 1000.5 },
    { path: "dev/tty", type: "char", device: [5, 0], mode: 0o620, gid: 5 },
    { path: "dev/sda", type: "block", device: [259, 70_000], mode: 0o660, gid: 6 },
    { path: "dev/pipe", type: "fifo", mode: 0o600, uid: 1000 },
    { path: "home/", type: "directory", uid: 1000, gid: HIGHEST, mode: 0o2750, mtime: 1000 },
    { path: "home/file", uid: HIGHEST, gid: 100_000, mode: 0o6755, data: "text", mtime: -1.5 },
    { path: "home/link", type: "symlink", target: "file", uid: 70_000, gid: 70_000, mtime: 5 },
    { path: "home/marked", data: "x", pax: { "SCHILY.xattr.trusted.origin": "here", "SCHILY.xattr.user.a": "b" } },
    { path: "gone", data: "x" },
  ],
  [
    { path: "dev/.wh.tty" },
    { path: ".wh.gone" },
    { path: "home/hard", type: "link", target: "home/file" },
    { path: "home/new", data: "new", mtime: 7 },
  ],
];

/** What is not compared: the time of the root, which umoci leaves as its last change made it. */
function comparable(tree: Listing): Listing {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => [path, { ...entry, mtime: path === "." ? "" : entry.mtime }]),
  );
}

requires(
  root,
  native,
  program("umoci"),
)("root's tree is umoci's, entry by entry", async () => {
  using folder = temporaryFolder();
  const mapping = ownMapping();
  expect(mapping.kind).toBe("none");
  writeOciLayout(folder.join("layout"), { layers: LAYERS.map((content) => ({ content })) });
  const umoci = Bun.spawnSync(["umoci", "unpack", "--image", `${folder.join("layout")}:latest`, folder.join("bundle")]);
  expect({ success: umoci.success, log: umoci.success ? "" : umoci.stderr.toString() }).toEqual({
    success: true,
    log: "",
  });
  using stack = await unpackStack(LAYERS, { mapping });
  for (const { result } of stack.layers) expect(result).toMatchObject({ skippedDevices: [], skippedAttributes: 0 });
  const destination = folder.join("flat");
  mkdirSync(destination);
  await copyTrees({ layers: stack.paths, destination, mapping });
  const ours = comparable(await listTree(destination, mapping));
  expect(ours).toEqual(comparable(await listTree(folder.join("bundle/rootfs"), mapping)));
  expect(ours["dev/sda"]).toMatchObject({ type: "block", owner: "0:6" });
  expect(ours["home/hard"]).toMatchObject({
    owner: `${HIGHEST}:100000`,
    mode: "6755",
    names: ["home/file", "home/hard"],
  });
  expect(ours["home/marked"]?.xattrs).toHaveProperty(["trusted.origin"]);
});

test("root's layers take no attribute of overlay, and no device 0:0, which would hide files", async () => {
  const names = ["trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.whiteout", "security.selinux"];
  const pax = Object.fromEntries(names.map((name) => [`SCHILY.xattr.${name}`, "y"]));
  using unpacked = await unpack([
    { path: "folder/", type: "directory", pax },
    { path: "file", pax },
    { path: "hider", type: "char", device: [0, 0] },
  ]);
  const tree = await unpacked.tree();
  expect([tree.folder?.xattrs, tree.file?.xattrs, tree.hider]).toEqual([undefined, undefined, undefined]);
  expect(unpacked.result.skippedDevices).toEqual(["hider"]);
});

test("root's files get no owner that the kernel would cut down to another", async () => {
  for (const uid of [2 ** 32 - 1, 2 ** 32]) {
    await expect(unpack([{ path: "file", uid }])).rejects.toThrow(`${uid}`);
  }
});
