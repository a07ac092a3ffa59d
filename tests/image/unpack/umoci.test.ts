/**
 * The same images unpacked by umoci and by tsbox, entry by entry: type, mode, owner, time, content, links, attributes. umoci puts all
 * layers into one tree, so ours are flattened as the copy driver does it.
 */
import { describe, expect } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chooseMapping, type IdMapping, unpackMapping } from "../../../src/idmap/index.ts";
import { finishLayers, unpackLayer } from "../../../src/image/unpack/index.ts";
import { layerCompression, parseDigest } from "../../../src/oci/index.ts";
import { spawnEntered } from "../../../src/plan/index.ts";
import { copyTrees } from "../../../src/rootfs/tree/index.ts";
import { debianRequirements, debianTar } from "../../support/debian-image.ts";
import { type ListedEntry, type Listing, listTree } from "../../support/list-tree.ts";
import { type LayerSpec, writeOciLayout } from "../../support/oci-image.ts";
import { program, type Requirement, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";
import { splitTar } from "../../support/split-tar.ts";
import type { TarEntry } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const isRoot = process.getuid?.() === 0;

/** Those that whoever runs the tests can have: `none` is for root alone, who needs no subordinate ids to hand on its own. */
const MAPPINGS: readonly (readonly [IdMapping["kind"], readonly Requirement[]])[] = [
  ...(isRoot ? [["none", []] as const] : []),
  ["subuid", isRoot ? [userNamespaces] : [userNamespaces, subordinateIds]],
  ["single", [userNamespaces]],
];

const NET_RAW = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const time = (n: number) => 1_500_000_000 + n + 0.25;

const folder = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path: `${path}/`,
  type: "directory",
  mtime: time(1),
  ...more,
});
const file = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({ path, data: path, mtime: time(2), ...more });

const LAYERS: readonly (readonly TarEntry[])[] = [
  [
    folder(".", { mode: 0o755 }),
    folder("etc"),
    file("etc/passwd"),
    file("etc/shadow", { mode: 0o640, gid: 42 }),
    file("etc/empty", { data: "" }),
    folder("etc/private", { mode: 0o700, uid: 33, gid: 33 }),
    file("etc/private/key", { mode: 0, uid: 33 }),
    folder("usr"),
    folder("usr/bin", { mtime: time(50) }),
    file("usr/bin/ping", { mode: 0o755, pax: { "SCHILY.xattr.security.capability": NET_RAW } }),
    file("usr/bin/su", { mode: 0o4755 }),
    file("usr/bin/wall", { mode: 0o2755, gid: 5 }),
    { path: "usr/bin/alias", type: "link", target: "usr/bin/su" },
    file("usr/bin/tagged", { pax: { "SCHILY.xattr.user.origin": "here" } }),
    { path: "bin", type: "symlink", target: "usr/bin", mtime: time(4) },
    { path: "absolute", type: "symlink", target: "/etc/passwd", mtime: time(4), uid: 7, gid: 8 },
    folder("var", { mtime: time(60) }),
    folder("var/cache", { mode: 0o2775, gid: 50 }),
    file("var/cache/old"),
    folder("var/cache/sub"),
    file("var/cache/sub/old"),
    folder("var/log"),
    file("var/log/a"),
    folder("tmp", { mode: 0o1777 }),
    { path: "run/pipe", type: "fifo", mode: 0o620, mtime: time(5) },
    folder("run"),
    ...Array.from({ length: 12 }, (_, i) =>
      folder(
        Array(i + 1)
          .fill("long-folder-name")
          .join("/"),
      ),
    ),
    file(`${"long-folder-name/".repeat(12)}${"x".repeat(120)}`),
    folder("becomes-file"),
    file("becomes-file/a"),
    file("becomes-folder"),
    file("becomes-link"),
    file("kept-by-link"),
  ],
  [
    // folders that are not listed keep how they look
    file("etc/passwd", { data: "new", mode: 0o600, mtime: time(6) }),
    { path: "etc/.wh.empty" },
    folder("var/cache", { mode: 0o755, mtime: time(7) }),
    { path: "var/cache/.wh..wh..opq" },
    file("var/cache/new"),
    { path: "var/.wh.log" },
    { path: ".wh.becomes-file" },
    file("becomes-file"),
    { path: ".wh.becomes-folder" },
    folder("becomes-folder"),
    file("becomes-folder/a"),
    { path: "becomes-link", type: "symlink", target: "etc", mtime: time(8) },
    { path: "linked", type: "link", target: "kept-by-link" },
  ],
  [
    folder("var/log", { mode: 0o700 }),
    file("var/log/b"),
    { path: "usr/bin/.wh.alias" },
    { path: ".wh.kept-by-link" },
    file("etc/private/second", { uid: 33, gid: 33, mode: 0o600 }),
  ],
];

/** umoci fails where a user namespace does not let it make devices. */
function withoutDevices(tar: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept: Uint8Array[] = [];
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(Buffer.from(tar.subarray(at + 124, at + 136)).toString("latin1"), 8);
    const end = at + 512 + Math.ceil(size / 512) * 512;
    const type = String.fromCharCode(tar[at + 156] ?? 0);
    if (type !== "3" && type !== "4") kept.push(tar.subarray(at, end));
    at = end;
  }
  return new Uint8Array(Buffer.concat([...kept, Buffer.alloc(1024)]));
}

/** Unpacks all layers of the only image of a layout into `folder`. @returns the flattened tree */
async function flattened(layout: string, folder: string, mapping: IdMapping): Promise<string> {
  const json = (path: string) => JSON.parse(readFileSync(join(layout, path), "utf8"));
  const blob = (digest: string) => join("blobs", digest.replace(":", "/"));
  const manifest = json(blob(json("index.json").manifests[0].digest));
  const diffIDs: string[] = json(blob(manifest.config.digest)).rootfs.diff_ids;
  const layers = diffIDs.map(async (diffID, i) => {
    const path = join(folder, `layer${i}`);
    mkdirSync(path);
    const descriptor = manifest.layers[i];
    const unpacking = unpackLayer({
      blobPath: join(layout, blob(descriptor.digest)),
      destination: path,
      compression: layerCompression(descriptor),
      diffID: parseDigest(diffID),
      mapping,
    });
    unpacking.end(descriptor.size);
    return { path, ...(await unpacking.result) };
  });
  const unpacked = await Promise.all(layers);
  await finishLayers({ layers: unpacked, lowerPaths: [], mapping });
  const destination = join(folder, "flat");
  mkdirSync(destination);
  await copyTrees({ layers: unpacked.map(({ path }) => path), destination, mapping });
  return destination;
}

/**
 * What differs by intent is left out: with only one id, setuid bits and the attributes that remember owners; the time of the
 * root, which umoci leaves as its last change made it.
 */
function comparable(tree: Listing, kind: IdMapping["kind"]): Listing {
  return Object.fromEntries(
    Object.entries(tree).map(([path, { xattrs = {}, mode = "0", ...entry }]): [string, ListedEntry] => {
      const kept = Object.entries(xattrs).filter(([name]) => !/^user\.(containers|rootlesscontainers)/.test(name));
      const bits = kind === "single" ? (Number.parseInt(mode, 8) & 0o1777).toString(8) : mode;
      const mtime = path === "." ? "" : entry.mtime;
      return [path, { ...entry, mtime, mode: bits, xattrs: Object.fromEntries(kept) }];
    }),
  );
}

/** umoci, as root of the mapping's user namespace. */
async function umociUnpack(layout: string, bundle: string, mapping: IdMapping): Promise<void> {
  const rootless = mapping.kind === "single" ? ["--rootless"] : [];
  const { stderr, exited } = spawnEntered({
    mapping: unpackMapping(mapping),
    argv: [Bun.which("umoci") ?? "umoci", "unpack", ...rootless, "--image", layout, bundle],
    env: ["PATH=/usr/bin:/bin", `HOME=${process.env.HOME ?? "/"}`],
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = await new Response(stderr as ReadableStream<Uint8Array>).text(); // cast: it was asked for as a pipe
  if ((await exited) !== 0) throw new Error(`umoci fails: ${log}`);
}

async function expectAgreement(layers: readonly LayerSpec[], kind: IdMapping["kind"]): Promise<number> {
  using folder = temporaryFolder();
  const layout = folder.join("layout");
  writeOciLayout(layout, { layers });
  const { mapping } = chooseMapping({ mode: kind === "none" ? "auto" : kind });
  await umociUnpack(layout, folder.join("bundle"), mapping);
  const theirs = await listTree(folder.join("bundle/rootfs"), mapping);
  const ours = await listTree(await flattened(layout, folder.path, mapping), mapping);
  expect(comparable(ours, kind)).toEqual(comparable(theirs, kind));
  return Object.keys(ours).length;
}

for (const [kind, needs] of MAPPINGS) {
  describe(`tsbox and umoci agree on every entry, with the mapping ${kind}, of`, () => {
    requires(...needs, program("umoci"))(
      "layers that replace, hide and link what is below",
      async () => {
        const layers = LAYERS.map((content, i): LayerSpec => ({ content, compression: i === 1 ? "none" : "gzip" }));
        expect(await expectAgreement(layers, kind)).toBeGreaterThan(40);
      },
      30_000,
    );

    requires(...needs, program("umoci"), ...debianRequirements)(
      "a real Debian in three layers",
      async () => {
        const parts = splitTar(readFileSync(debianTar()), 3, 60e6);
        const layers = parts.map((part): LayerSpec => ({ content: withoutDevices(part), compression: "none" }));
        expect(await expectAgreement(layers, kind)).toBeGreaterThan(500);
      },
      300_000,
    );
  });
}
