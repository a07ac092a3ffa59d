/** Every kind of entry, as it is on disk afterwards. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { unpackLayer } from "../../../src/image/unpack/index.ts";
import { parseDigest } from "../../../src/oci/index.ts";
import { listTree } from "../../support/list-tree.ts";
import { sha256 } from "../../support/oci-image.ts";
import { root as asRoot, requires, subordinateIds, unprivileged, userNamespaces } from "../../support/skip.ts";
import { type TarEntry, writeTar } from "../../support/tar.ts";
import { archive, latin1, oldSparse, pax, raw } from "../../support/tar-writer.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { ownMapping, singleMapping, treeOf, unpack } from "../../support/unpack.ts";

const isRoot = process.getuid?.() === 0;
const inNamespace = isRoot ? test : requires(userNamespaces, subordinateIds);
const onlyUser = requires(unprivileged, subordinateIds);
const onlyRoot = requires(asRoot);

const TIME = 1_700_000_000;
const stamp = (seconds: number, nanoseconds = 0) => `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
const ROOT: TarEntry = { path: "./", type: "directory", mode: 0o755, mtime: TIME };

describe("kinds", () => {
  inNamespace("files, folders, links and fifos have what their entries say", async () => {
    const tree = await treeOf([
      ROOT,
      { path: "etc/", type: "directory", mode: 0o711, uid: 1, gid: 2, mtime: TIME + 1 },
      { path: "etc/file", data: "hello", mode: 0o640, uid: 3, gid: 4, mtime: TIME + 2.5 },
      { path: "etc/empty", mode: 0o600, mtime: TIME },
      { path: "etc/link", type: "symlink", target: "../../../nowhere\n at all", uid: 5, gid: 6, mtime: TIME + 3 },
      { path: "etc/hard", type: "link", target: "etc/file" },
      { path: "etc/fifo", type: "fifo", mode: 0o622, uid: 7, gid: 8, mtime: TIME + 4 },
    ]);
    expect(tree).toEqual({
      ".": { type: "folder", mode: "755", owner: "0:0", mtime: stamp(TIME) },
      etc: { type: "folder", mode: "711", owner: "1:2", mtime: stamp(TIME + 1) },
      "etc/empty": { type: "file", mode: "600", owner: "0:0", mtime: stamp(TIME), content: "" },
      "etc/fifo": { type: "fifo", mode: "622", owner: "7:8", mtime: stamp(TIME + 4) },
      "etc/file": {
        type: "file",
        mode: "640",
        owner: "3:4",
        mtime: stamp(TIME + 2, 500_000_000),
        content: "hello",
        names: ["etc/file", "etc/hard"],
      },
      "etc/hard": {
        type: "file",
        mode: "640",
        owner: "3:4",
        mtime: stamp(TIME + 2, 500_000_000),
        content: "hello",
        names: ["etc/file", "etc/hard"],
      },
      "etc/link": { type: "link", owner: "5:6", mtime: stamp(TIME + 3), target: "../../../nowhere\n at all" },
    });
  });

  inNamespace("setuid, setgid and sticky bits survive the change of owner", async () => {
    const tree = await treeOf([
      { path: "sudo", mode: 0o4755, uid: 1, gid: 1, data: "x" },
      { path: "write", mode: 0o2755, gid: 5, data: "x" },
      { path: "tmp/", type: "directory", mode: 0o1777, uid: 9 },
      { path: "mail/", type: "directory", mode: 0o2775, gid: 8 },
    ]);
    expect(Object.fromEntries(Object.entries(tree).map(([path, { mode }]) => [path, mode]))).toEqual({
      ".": "755",
      mail: "2775",
      sudo: "4755",
      tmp: "1777",
      write: "2755",
    });
  });

  inNamespace("what is made in a setgid folder does not take its group", async () => {
    const tree = await treeOf([
      { path: "mail/", type: "directory", mode: 0o2775, gid: 8 },
      { path: "mail/root", data: "x" },
      { path: "mail/folder/", type: "directory" },
      { path: "mail/implied/file" },
      { path: "mail/link", type: "symlink", target: "root" },
    ]);
    for (const [path, { owner }] of Object.entries(tree))
      expect([path, owner]).toEqual([path, path === "mail" ? "0:8" : "0:0"]);
    expect([tree["mail/folder"]?.mode, tree["mail/implied"]?.mode]).toEqual(["755", "755"]);
  });

  inNamespace("names of any bytes survive, and long ones", async () => {
    const long = `${"folder-with-a-long-name/".repeat(20)}file`;
    const tree = await treeOf(
      archive(raw({ name: latin1("\xff\xfe \\ \"'\n") }), pax([["path", long]]), raw({ data: "x" })),
    );
    expect(Object.keys(tree)).toContain("\xff\xfe \\ \"'\n");
    expect(tree[long]?.content).toBe("x");
  });

  inNamespace("holes of sparse files take no room", async () => {
    const tar = archive(
      oldSparse("disk", 10_000_000, [
        [4096, "begin"],
        [9_000_000, "end"],
      ]),
      oldSparse("hole", 5_000_000, []),
    );
    using unpacked = await unpack(tar);
    const tree = await unpacked.tree();
    const expected = Buffer.alloc(10_000_000);
    expected.write("begin", 4096);
    expected.write("end", 9_000_000);
    const digest = new Bun.CryptoHasher("sha256").update(expected).digest("hex");
    expect(tree.disk).toMatchObject({ content: `10000000 bytes, sha256 ${digest}`, holes: true });
    expect(tree.hole).toMatchObject({ holes: true });
    expect(tree.hole?.content).toStartWith("5000000 bytes");
  });

  onlyUser("device nodes are left out and named", async () => {
    using unpacked = await unpack([
      { path: "dev/null", type: "char", device: [1, 3] },
      { path: "dev/sda", type: "block", device: [8, 0] },
      { path: "dev/file", data: "replaced" },
      { path: "dev/file", type: "char", device: [1, 5] },
    ]);
    expect(unpacked.result.skippedDevices).toEqual(["dev/null", "dev/sda", "dev/file"]);
    expect(Object.keys(await unpacked.tree())).toEqual([".", "dev"]);
  });

  onlyRoot("root makes device nodes, but none that overlay takes for a whiteout", async () => {
    using unpacked = await unpack([
      { path: "null", type: "char", device: [1, 3], mode: 0o666 },
      { path: "big", type: "block", device: [259, 300], mode: 0o600, gid: 6 },
      { path: "whiteout", type: "char", device: [0, 0] },
    ]);
    const tree = await unpacked.tree();
    expect(tree.null).toMatchObject({ type: "char", device: "1:3", mode: "666" });
    expect(tree.big).toMatchObject({ type: "block", owner: "0:6" });
    expect(unpacked.result.skippedDevices).toEqual(["whiteout"]);
    expect(tree).not.toHaveProperty("whiteout");
  });

  inNamespace("what is no file (volume labels, GNU's multi-volume parts) is passed over", async () => {
    const tree = await treeOf(
      archive(raw({ name: "label", type: "V" }), raw({ name: "part", type: "M", data: "x" }), raw({})),
    );
    expect(Object.keys(tree)).toEqual([".", "file"]);
  });
});

describe("names", () => {
  inNamespace("a leading slash, empty parts and dots are dropped; '..' is gone up as far as it goes", async () => {
    const tree = await treeOf([
      { path: "/etc/a" },
      { path: "./etc//./b/", type: "directory" },
      { path: "etc/b/../c" },
      { path: "//etc/hard", type: "link", target: "/./etc/a" },
    ]);
    expect(Object.keys(tree)).toEqual([".", "etc", "etc/a", "etc/b", "etc/c", "etc/hard"]);
    expect(tree["etc/hard"]?.names).toEqual(["etc/a", "etc/hard"]);
  });

  inNamespace("an entry of the root itself gives it mode, owner and time", async () => {
    for (const path of [".", "./", "/", "a/.."]) {
      const tree = await treeOf([
        { path, type: "directory", mode: 0o700, uid: 1, gid: 2, mtime: TIME },
        { path: "file" },
      ]);
      expect(tree["."]).toEqual({ type: "folder", mode: "700", owner: "1:2", mtime: stamp(TIME) });
    }
  });

  inNamespace("folders that are not listed are made, plain and owned by root, and told", async () => {
    using unpacked = await unpack([{ path: "a/b/file" }, { path: "a/c/", type: "directory", mode: 0o700 }]);
    const tree = await unpacked.tree();
    expect(tree.a).toMatchObject({ mode: "755", owner: "0:0" });
    expect(unpacked.result.impliedFolders.toSorted()).toEqual(["", "a", "a/b"]);
  });

  inNamespace("a folder that is listed after what is in it is not implied", async () => {
    using unpacked = await unpack([
      { path: "a/file" },
      { path: "a/", type: "directory", mode: 0o700, mtime: TIME },
      ROOT,
    ]);
    expect(unpacked.result.impliedFolders).toEqual([]);
    expect((await unpacked.tree()).a).toMatchObject({ mode: "700", mtime: stamp(TIME) });
  });
});

describe("duplicates: the last entry of a name counts", () => {
  const kinds: Record<string, TarEntry> = {
    file: { path: "x", data: "second", mode: 0o600 },
    folder: { path: "x/", type: "directory", mode: 0o700 },
    link: { path: "x", type: "symlink", target: "somewhere" },
    fifo: { path: "x", type: "fifo", mode: 0o600 },
  };
  for (const before of Object.keys(kinds)) {
    inNamespace(`after a ${before}`, async () => {
      for (const [after, entry] of Object.entries(kinds)) {
        const first = kinds[before] as TarEntry; // cast: one of its keys
        const inside = before === "folder" ? [{ path: "x/inside/deep" }] : [];
        const tree = await treeOf([{ ...first, ...(before === "file" ? { data: "first" } : {}) }, ...inside, entry]);
        expect(tree.x?.type).toBe(after as never);
        if (after === "file") expect(tree.x?.content).toBe("second");
        // a folder over a folder keeps what is in it
        expect("x/inside/deep" in tree).toBe(before === "folder" && after === "folder");
      }
    });
  }

  inNamespace("a folder's second entry gives it its look", async () => {
    const tree = await treeOf([
      { path: "x/", type: "directory", mode: 0o700, uid: 1, mtime: TIME },
      { path: "x/", type: "directory", mode: 0o755, uid: 2, mtime: TIME + 1 },
    ]);
    expect(tree.x).toEqual({ type: "folder", mode: "755", owner: "2:0", mtime: stamp(TIME + 1) });
  });

  inNamespace("a hard link over another file takes its place; over itself it changes nothing", async () => {
    const tree = await treeOf([
      { path: "a", data: "a" },
      { path: "b", data: "b" },
      { path: "b", type: "link", target: "a" },
      { path: "a", type: "link", target: "b" },
      { path: "a", type: "link", target: "a" },
    ]);
    expect(tree.a).toMatchObject({ content: "a", names: ["a", "b"] });
  });

  inNamespace("a file written again does not change what it was linked to", async () => {
    const tree = await treeOf([
      { path: "a", data: "old" },
      { path: "b", type: "link", target: "a" },
      { path: "a", data: "new" },
    ]);
    expect([tree.a?.content, tree.b?.content]).toEqual(["new", "old"]);
  });
});

describe("links as parents", () => {
  inNamespace("an entry below a link goes where the link leads, inside the tree", async () => {
    const tree = await treeOf([
      { path: "usr/lib/", type: "directory" },
      { path: "lib", type: "symlink", target: "usr/lib" },
      { path: "abs", type: "symlink", target: "/usr/lib" },
      { path: "up", type: "symlink", target: "../../../../usr" },
      { path: "lib/a", data: "a" },
      { path: "abs/b", data: "b" },
      { path: "up/lib/c", data: "c" },
      { path: "lib/new/d", data: "d" },
    ]);
    expect(Object.keys(tree).filter((path) => tree[path]?.type === "file")).toEqual([
      "usr/lib/a",
      "usr/lib/b",
      "usr/lib/c",
      "usr/lib/new/d",
    ]);
    expect(tree.lib?.type).toBe("link");
  });

  inNamespace("where the link leads to nothing yet, folders are made there", async () => {
    const tree = await treeOf([
      { path: "bin", type: "symlink", target: "/usr/./bin" },
      { path: "bin/sh", data: "x" },
      { path: "a", type: "symlink", target: "b" },
      { path: "b", type: "symlink", target: "c/d" },
      { path: "a/e/f", data: "y" },
    ]);
    expect([tree["usr/bin/sh"]?.content, tree["c/d/e/f"]?.content]).toEqual(["x", "y"]);
  });

  inNamespace("a hard link follows links in its target's parents, but not the last", async () => {
    const tree = await treeOf([
      { path: "usr/file", data: "x" },
      { path: "usr/link", type: "symlink", target: "file" },
      { path: "u", type: "symlink", target: "usr" },
      { path: "one", type: "link", target: "u/file" },
      { path: "two", type: "link", target: "usr/link" },
    ]);
    expect(tree.one?.names).toEqual(["one", "usr/file"]);
    expect(tree.two).toMatchObject({ type: "link", target: "file" });
  });

  inNamespace("a folder entry over a link takes the link's place", async () => {
    const tree = await treeOf([
      { path: "usr/", type: "directory" },
      { path: "u", type: "symlink", target: "usr" },
      { path: "u/", type: "directory", mode: 0o700 },
      { path: "u/file" },
    ]);
    expect(Object.keys(tree)).toEqual([".", "u", "u/file", "usr"]);
    expect(tree.u).toMatchObject({ type: "folder", mode: "700" });
  });
});

describe("where the store is", () => {
  inNamespace("its set-group-id bit and default ACL do not reach into the tree", async () => {
    using folder = temporaryFolder();
    const destination = folder.join("layer");
    mkdirSync(destination);
    chmodSync(destination, 0o2777);
    const acl = Bun.spawnSync(["setfacl", "-d", "-m", "u::rwx,g::rwx,o::---", destination]);
    const tar = writeTar([
      { path: "a/b", mode: 0o646 },
      { path: "c/", type: "directory", mode: 0o757 },
    ]);
    await Bun.write(folder.join("blob"), tar);
    const mapping = ownMapping();
    const diffID = parseDigest(sha256(tar));
    const unpacking = unpackLayer({ blobPath: folder.join("blob"), destination, compression: "none", diffID, mapping });
    unpacking.end(tar.length);
    await unpacking.result;
    const tree = await listTree(destination, mapping);
    expect(Object.values(tree).map(({ mode, owner }) => `${mode} ${owner}`)).toEqual([
      "755 0:0",
      "755 0:0",
      "646 0:0",
      "757 0:0",
    ]);
    expect(Object.values(tree).flatMap(({ xattrs = {} }) => Object.keys(xattrs))).toEqual([]);
    expect(acl.success || Bun.which("setfacl") === null).toBe(true);
  });
});

describe("hard links to what comes later", () => {
  inNamespace("in the same archive they are made at the end", async () => {
    using unpacked = await unpack([
      { path: "b", type: "link", target: "a" },
      { path: "a", data: "x" },
    ]);
    expect(unpacked.result.pendingHardLinks).toEqual([]);
    expect((await unpacked.tree()).b?.names).toEqual(["a", "b"]);
  });

  inNamespace("a later entry of the link's name counts instead", async () => {
    using unpacked = await unpack([
      { path: "b", type: "link", target: "nowhere" },
      { path: "b", data: "file" },
    ]);
    expect(unpacked.result.pendingHardLinks).toEqual([]);
    expect((await unpacked.tree()).b?.content).toBe("file");
  });

  inNamespace("what is in no place yet is told", async () => {
    using unpacked = await unpack([{ path: "b", type: "link", target: "/usr/a" }]);
    expect(unpacked.result.pendingHardLinks).toEqual([{ path: "b", target: "usr/a" }]);
  });
});

describe("extended attributes", () => {
  // cap_net_raw+ep, as setcap writes it: struct vfs_cap_data, version 2
  const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

  inNamespace("of the user's kind are set, binary ones too, on files and folders", async () => {
    const tree = await treeOf([
      { path: "file", pax: { "SCHILY.xattr.user.binary": Uint8Array.from([0, 0xff, 0x0a, 0x3d]) }, uid: 1 },
      { path: "folder/", type: "directory", pax: { "SCHILY.xattr.user.text": "text" }, uid: 1 },
    ]);
    expect(tree.file?.xattrs).toEqual({ "user.binary": "\x00\xff\n=" });
    expect(tree.folder?.xattrs).toEqual({ "user.text": "text" });
  });

  inNamespace("a capability is set after the owner, and belongs to the namespace's root", async () => {
    const tree = await treeOf([
      { path: "ping", pax: { "SCHILY.xattr.security.capability": capability }, uid: 1, data: "x" },
    ]);
    const value = Buffer.from(tree.ping?.xattrs?.["security.capability"] ?? "", "latin1");
    // read back by that root it is version 2 again
    expect(value.toString("hex")).toBe(Buffer.from(capability).toString("hex"));
  });

  inNamespace("a folder's default ACL does not reach what is unpacked into it", async () => {
    // version 2, then owner, group, other, each rwx: u::rwx,g::---,o::---
    const entry = (tag: number, rights: number) => [tag, 0, rights, 0, 0xff, 0xff, 0xff, 0xff];
    const acl = Uint8Array.from([2, 0, 0, 0, ...entry(1, 7), ...entry(4, 0), ...entry(0x20, 0)]);
    const tree = await treeOf([
      { path: "folder/", type: "directory", pax: { "SCHILY.xattr.system.posix_acl_default": acl } },
      { path: "folder/file", mode: 0o666 },
      { path: "folder/implied/file" },
    ]);
    expect(tree["folder/file"]?.mode).toBe("666");
    expect(tree["folder/implied"]?.mode).toBe("755");
    expect(tree["folder/implied"]?.xattrs).toBeUndefined();
    expect(tree.folder?.xattrs).toHaveProperty(["system.posix_acl_default"]);
  });

  inNamespace("those that the kernel refuses are counted", async () => {
    using unpacked = await unpack([
      { path: "file", pax: { "SCHILY.xattr.nonsense": "x", "SCHILY.xattr.user.fine": "y" } },
      { path: "link", type: "symlink", target: "file", pax: { "SCHILY.xattr.user.on-a-link": "x" } },
    ]);
    expect(unpacked.result.skippedAttributes).toBe(2);
    expect((await unpacked.tree()).file?.xattrs).toEqual({ "user.fine": "y" });
  });
});

describe("without subordinate ids", () => {
  const single = requires(userNamespaces);
  single("everything is the caller's, and what was asked for stands in an attribute", async () => {
    const mapping = singleMapping();
    const tree = await treeOf(
      [
        { path: "plain", data: "x", mode: 0o640 },
        { path: "other", mode: 0o640, uid: 3, gid: 4 },
        { path: "sudo", mode: 0o4755 },
        { path: "mail/", type: "directory", mode: 0o2775, gid: 8 },
        { path: "link", type: "symlink", target: "plain", uid: 3 },
        { path: "fifo", type: "fifo", uid: 3 },
      ],
      { mapping },
    );
    for (const { owner } of Object.values(tree)) expect(owner).toBe("0:0");
    const [key] = ["user.containers.override_stat"];
    expect(tree.plain?.xattrs).toBeUndefined();
    expect(tree.other).toMatchObject({ mode: "640", xattrs: { [key]: "3:4:0640:file" } });
    expect(tree.sudo).toMatchObject({ mode: "755", xattrs: { [key]: "0:0:04755:file" } });
    expect(tree.mail).toMatchObject({ mode: "775", xattrs: { [key]: "0:8:02775:dir" } });
  });
});

describe("owners that cannot be had", () => {
  onlyUser("an id outside of the mapping is an error that says how to get it", async () => {
    await expect(unpack([{ path: "etc/shadow", uid: 70_000 }])).rejects.toMatchObject({
      code: "host",
      message: expect.stringMatching(/cannot unpack "etc\/shadow": uid 70000 .*usermod --add-subuids/),
    });
    await expect(unpack([{ path: "x", gid: 2_000_000_000 }])).rejects.toThrow(/gid 2000000000/);
  });

  inNamespace("a number that is no id is an error, and not cut down to root's", async () => {
    for (const uid of [4294967296, 4294967295, 2 ** 40, -1])
      await expect(unpack([{ path: "x", uid }])).rejects.toThrow(`${uid}:0`);
    await expect(unpack([{ path: "x", gid: 4294967296 }])).rejects.toThrow("0:4294967296");
  });

  inNamespace("what runs the tests is what is meant", () => {
    expect(ownMapping().kind).toBe(isRoot ? "none" : "subuid");
  });
});
