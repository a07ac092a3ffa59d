/** What comes out of archives, for each id mapping. */
import { describe, expect } from "bun:test";
import { requires } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { MAPPINGS, mappingOf, only, refusal, treeOf } from "./tree.ts";

/** struct vfs_cap_data of revision 2: cap_net_raw, permitted and effective. Not UTF-8, and with NULs. */
const NET_RAW = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const CAPABLE: TarEntry = {
  path: "ping",
  mode: 0o755,
  data: "x",
  pax: { "SCHILY.xattr.security.capability": NET_RAW, "SCHILY.xattr.user.mime_type": "text/plain" },
};

for (const [kind, needs] of MAPPINGS) {
  const each = requires(...needs);
  const mapping = mappingOf;
  describe(`with the mapping ${kind}`, () => {
    each("files, folders, links and fifos are made with their modes, contents and times", async () => {
      const { tree } = await treeOf(
        [
          { path: "./", type: "directory", mode: 0o750, mtime: 1000 },
          { path: "./folder/", type: "directory", mode: 0o1777, mtime: 2000.5 },
          { path: "./folder/file", data: "hello", mode: 0o604, mtime: 1234567890.123456 },
          { path: "./folder/secret", data: "", mode: 0, mtime: -1.5 },
          { path: "./folder/link", type: "symlink", target: "../folder/./file", mtime: 3000.25, mode: 0o777 },
          { path: "./folder/hard", type: "link", target: "./folder/file" },
          { path: "./folder/pipe", type: "fifo", mode: 0o620, mtime: 4000 },
        ],
        { mapping: mapping(kind) },
      );
      expect(only(tree, "type", "mode", "mtime", "content", "linkTo")).toEqual({
        ".": { type: "folder", mode: "750", mtime: "1000.000000000" },
        folder: { type: "folder", mode: "1777", mtime: "2000.500000000" },
        "folder/file": { type: "file", mode: "604", mtime: "1234567890.123456000", content: "hello" },
        "folder/hard": {
          type: "file",
          mode: "604",
          mtime: "1234567890.123456000",
          content: "hello",
          linkTo: "folder/file",
        },
        "folder/link": { type: "link", mode: "777", mtime: "3000.250000000", content: "../folder/./file" },
        "folder/pipe": { type: "fifo", mode: "620", mtime: "4000.000000000" },
        "folder/secret": { type: "file", mode: "0", mtime: "-2.500000000", content: "" },
      });
    });

    each("a file's capabilities and attributes keep their bytes", async () => {
      const { tree, skippedAttributes } = await treeOf([CAPABLE], { mapping: mapping(kind) });
      expect(skippedAttributes).toBe(0);
      expect(tree.ping?.xattrs).toEqual({
        "security.capability": Buffer.from(NET_RAW).toString("hex"),
        "user.mime_type": Buffer.from("text/plain").toString("hex"),
      });
    });

    each("attributes that would mean something to overlay, containers/storage or the host are not taken", async () => {
      const names = [
        "user.overlay.redirect",
        "user.overlay.opaque",
        "trusted.overlay.opaque",
        "user.containers.override_stat",
        "user.fuseoverlayfs.opaque",
        "security.selinux",
      ];
      const pax = Object.fromEntries(names.map((name) => [`SCHILY.xattr.${name}`, "y"]));
      const { tree } = await treeOf(
        [
          { path: "folder/", type: "directory", pax },
          { path: "file", data: "x", pax },
        ],
        { mapping: mapping(kind) },
      );
      expect([tree.folder?.xattrs, tree.file?.xattrs]).toEqual([undefined, undefined]);
    });

    each("a device is not made in a user namespace, and is told of; one of 0:0 would be a whiteout", async () => {
      const { tree, skippedDevices } = await treeOf(
        [
          { path: "dev/null", type: "char", device: [1, 3], mode: 0o666 },
          { path: "dev/loop0", type: "block", device: [7, 0], mode: 0o660 },
          { path: "bin/sh", type: "char", device: [0, 0] },
        ],
        { mapping: mapping(kind) },
      );
      if (kind === "none") {
        expect(only(tree, "type", "mode", "content")).toMatchObject({
          "dev/null": { type: "char", mode: "666", content: "1:3" },
          "dev/loop0": { type: "block", mode: "660", content: "7:0" },
        });
        expect(skippedDevices).toEqual(["bin/sh"]);
      } else {
        expect(tree).not.toHaveProperty(["dev/null"]);
        expect(skippedDevices).toEqual(["dev/null", "dev/loop0", "bin/sh"]);
      }
      expect(tree).not.toHaveProperty(["bin/sh"]);
    });

    each("whiteouts are those of overlay", async () => {
      const { tree } = await treeOf(
        [
          { path: "etc/.wh.passwd" },
          { path: "var/", type: "directory" },
          { path: "var/.wh..wh..opq" },
          { path: ".wh..wh.plnk" },
        ],
        { mapping: mapping(kind) },
      );
      expect(Object.keys(tree)).toEqual([".", "etc", "var", "etc/passwd"]);
      expect(tree["etc/passwd"]).toMatchObject({ type: "char", content: "0:0" });
      expect(tree.var?.xattrs).toEqual({ "user.overlay.opaque": Buffer.from("y").toString("hex") });
    });
  });
}

describe("owners", () => {
  const [subuid, single] = [MAPPINGS.find(([kind]) => kind === "subuid"), MAPPINGS.find(([kind]) => kind === "single")];
  const owned: readonly TarEntry[] = [
    { path: "home/", type: "directory", uid: 1000, gid: 100, mode: 0o755 },
    { path: "home/file", uid: 1000, gid: 100, mode: 0o4755, data: "x", mtime: 5 },
    { path: "home/link", type: "symlink", target: "file", uid: 1000, gid: 100 },
    { path: "home/pipe", type: "fifo", uid: 1000, gid: 100 },
    { path: "home/capable", uid: 33, pax: { "SCHILY.xattr.security.capability": NET_RAW }, mode: 0o2755 },
    { path: "root", mode: 0o4755 },
  ];
  const highest: readonly TarEntry[] = [{ path: "file", uid: 4294967294, gid: 4294967294 }];

  requires(...(subuid?.[1] ?? []))("are applied with subordinate ids, setuid bits and capabilities too", async () => {
    const { tree } = await treeOf(owned, { mapping: mappingOf("subuid") });
    expect(only(tree, "mode", "owner")).toMatchObject({
      home: { mode: "755", owner: "1000:100" },
      "home/file": { mode: "4755", owner: "1000:100" },
      "home/link": { owner: "1000:100" },
      "home/pipe": { owner: "1000:100" },
      "home/capable": { mode: "2755", owner: "33:0" },
      root: { mode: "4755", owner: "0:0" },
    });
    expect(tree["home/capable"]?.xattrs).toHaveProperty(["security.capability"]);
    expect(tree["home/file"]?.mtime).toBe("5.000000000");
  });

  requires(...(single?.[1] ?? []))(
    "are kept in an attribute without subordinate ids, and setuid bits left out",
    async () => {
      const { tree } = await treeOf(owned, { mapping: mappingOf("single") });
      expect(only(tree, "mode", "owner")).toMatchObject({
        home: { mode: "755", owner: "0:0" },
        "home/file": { mode: "755", owner: "0:0" },
        "home/capable": { mode: "755", owner: "0:0" },
        root: { mode: "755", owner: "0:0" },
      });
      const override = (path: string) => {
        const value = tree[path]?.xattrs?.["user.containers.override_stat"];
        return value === undefined ? undefined : Buffer.from(value, "hex").toString();
      };
      expect(override("home")).toStartWith("1000:100:0755");
      expect(override("home/file")).toStartWith("1000:100:04755");
      expect(override("root")).toStartWith("0:0:04755");
    },
  );

  // root's mapping is of all ids
  if (process.getuid?.() !== 0) {
    requires(...(subuid?.[1] ?? []))("that subordinate ids do not cover are an error that says which", async () => {
      const message = await refusal([{ path: "etc/big", uid: 70000 }], { mapping: mappingOf("subuid") });
      expect(message).toContain("etc/big");
      expect(message).toContain("70000");
      expect(await refusal(highest, { mapping: mappingOf("subuid") })).toContain("4294967294");
    });
  }

  requires(...(subuid?.[1] ?? []))("that are no ids are an error, and not cut down to root's", async () => {
    for (const uid of [4294967296, 4294967295, 2 ** 40, -1]) {
      expect(await refusal([{ path: "file", uid }], { mapping: mappingOf("subuid") })).toContain(`${uid}`);
    }
  });
});
