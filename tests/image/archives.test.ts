/** Archives that other programs wrote, and archives that none would write. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { fetchDocuments } from "../../src/image/documents.ts";
import { openSource } from "../../src/image/source.ts";
import { hostPlatform, type ImageSource, parseImageName } from "../../src/oci/index.ts";
import { type ImageSpec, sha256, writeOciLayout } from "../support/oci-image.ts";
import { program, requires, userNamespaces } from "../support/skip.ts";
import { type TarEntry, writeTar } from "../support/tar.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/tmp.ts";

const IMAGE: ImageSpec = {
  layers: [
    {
      content: [
        { path: "etc/", type: "directory" },
        { path: "etc/one", data: "1" },
      ],
    },
    { content: [{ path: "etc/two", data: "2" }], compression: "none" },
  ],
  config: { Env: ["A=b"], Cmd: ["sh"] },
};

function scratchIn(folder: TemporaryFolder): () => string {
  return () => {
    mkdirSync(folder.join("scratch"), { recursive: true });
    return folder.join("scratch");
  };
}

async function open(folder: TemporaryFolder, name: string): Promise<ImageSource> {
  return await openSource(parseImageName(name), {}, scratchIn(folder));
}

/** Reads all of an image: its Env, and the digest of each layer's tar beside the diffID that it should have. */
async function readAll(folder: TemporaryFolder, name: string) {
  const source = await open(folder, name);
  try {
    const { manifest, config } = await fetchDocuments(source, hostPlatform(), false);
    const layers: { digest: string; size: number; diffID: string }[] = [];
    for (const layer of manifest.layers) {
      const pieces: Uint8Array[] = [];
      for await (const piece of await source.open(layer, 0)) pieces.push(piece);
      const bytes = new Uint8Array(Buffer.concat(pieces));
      expect({ digest: sha256(bytes), size: bytes.length }).toEqual({ digest: layer.digest, size: layer.size });
      const tar = layer.mediaType.endsWith("gzip") ? Bun.gunzipSync(bytes) : bytes;
      layers.push({ digest: layer.digest, size: layer.size, diffID: sha256(tar) });
    }
    expect(layers.map(({ diffID }) => diffID)).toEqual([...config.rootfs.diff_ids]);
    return { env: config.config?.Env, layers };
  } finally {
    await source.close();
  }
}

async function failureOf(folder: TemporaryFolder, name: string): Promise<{ code: string; message: string }> {
  try {
    await readAll(folder, name);
  } catch (error) {
    return error as { code: string; message: string }; // cast: the test looks at both
  }
  throw new Error(`${name} was read`);
}

function skopeo(from: string, to: string): string {
  const { success, stderr } = Bun.spawnSync(["skopeo", "--insecure-policy", "copy", "--quiet", from, to]);
  if (!success) throw new Error(stderr.toString());
  return to;
}

/** An archive of a layout folder, made without any program. */
function layoutTar(folder: string): Uint8Array<ArrayBuffer> {
  const blobs = readdirSync(`${folder}/blobs/sha256`).map((name) => `blobs/sha256/${name}`);
  const files = ["oci-layout", "index.json", ...blobs];
  return writeTar(files.map((path) => ({ path, data: readFileSync(`${folder}/${path}`) })));
}

const withSkopeo = requires(program("skopeo"));

withSkopeo("an archive of a layout by skopeo is read as the layout is", async () => {
  using folder = temporaryFolder();
  writeOciLayout(folder.join("layout"), IMAGE);
  const archive = skopeo(`oci:${folder.join("layout")}:latest`, `oci-archive:${folder.join("a.tar")}:some/name:1`);
  const expected = await readAll(folder, `oci:${folder.join("layout")}`);
  expect((await readAll(folder, archive)).env).toEqual(expected.env);
  expect((await readAll(folder, `oci-archive:${folder.join("a.tar")}`)).layers.length).toBe(2);
});

withSkopeo("what skopeo writes for docker load is read, with the layers that the image had", async () => {
  using folder = temporaryFolder();
  const [written] = writeOciLayout(folder.join("layout"), IMAGE);
  const file = folder.join("docker.tar");
  skopeo(`oci:${folder.join("layout")}:latest`, `docker-archive:${file}:some/name:1`);
  const image = await readAll(folder, `docker-archive:${file}`);
  expect(image.env).toEqual(["A=b"]);
  // uncompressed by skopeo, so named by their diffIDs
  expect(image.layers.map(({ digest, diffID }) => digest === diffID)).toEqual([true, true]);
  expect(image.layers[1]?.digest).toBe(written?.layers[1]?.digest ?? "");
  for (const tag of ["some/name:1", "docker.io/some/name:1", "@0"]) {
    expect((await readAll(folder, `docker-archive:${file}:${tag}`)).env).toEqual(["A=b"]);
  }
});

test.each(["gzip", "zstd"] as const)(
  "an archive that is compressed with %s as a whole is read, and leaves nothing",
  async (kind) => {
    using folder = temporaryFolder();
    writeOciLayout(folder.join("layout"), IMAGE);
    const tar = layoutTar(folder.join("layout"));
    writeFileSync(folder.join("a.tar"), kind === "gzip" ? Bun.gzipSync(tar) : Bun.zstdCompressSync(tar));
    expect((await readAll(folder, `oci-archive:${folder.join("a.tar")}`)).env).toEqual(["A=b"]);
    expect(readdirSync(folder.join("scratch"))).toEqual([]);
  },
);

test.each(["xz", "bzip2"])("an archive that is compressed with %s says that it must be decompressed", async (kind) => {
  using folder = temporaryFolder();
  const magic = kind === "xz" ? [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] : [0x42, 0x5a, 0x68];
  writeFileSync(folder.join("a.tar"), new Uint8Array([...magic, ...new Array(1000).fill(1)]));
  const { code, message } = await failureOf(folder, `docker-archive:${folder.join("a.tar")}`);
  expect([code, message]).toEqual([
    "unsupported",
    expect.stringMatching(new RegExp(`compressed with ${kind}; decompress it`)),
  ]);
});

const config = JSON.stringify({
  architecture: hostPlatform().architecture,
  os: "linux",
  config: { Env: ["A=b"] },
  rootfs: { type: "layers", diff_ids: [sha256(new Uint8Array(1024))] },
});
const manifest = (entry: object) =>
  JSON.stringify([{ Config: "c.json", RepoTags: ["x:1"], Layers: ["l/layer.tar"], ...entry }]);
const GOOD: TarEntry[] = [
  { path: "manifest.json", data: manifest({}) },
  { path: "c.json", data: config },
  { path: "l/layer.tar", data: new Uint8Array(1024) },
];

function dockerArchive(folder: TemporaryFolder, entries: readonly TarEntry[]): string {
  writeFileSync(folder.join("d.tar"), writeTar(entries));
  return `docker-archive:${folder.join("d.tar")}`;
}

const LAYERS = { rootfs: { type: "layers", diff_ids: [sha256(new Uint8Array(1024)), sha256(new Uint8Array(1024))] } };
const twice = JSON.stringify({ ...JSON.parse(config), ...LAYERS });

test("a layer that docker save stored as a link to another is the other", async () => {
  using folder = temporaryFolder();
  const name = dockerArchive(folder, [
    { path: "manifest.json", data: manifest({ Layers: ["a/layer.tar", "b/layer.tar"] }) },
    { path: "c.json", data: twice },
    { path: "a/layer.tar", type: "symlink", target: "../b/layer.tar" },
    { path: "b/layer.tar", data: new Uint8Array(1024) },
  ]);
  expect((await readAll(folder, name)).layers.length).toBe(2);
});

test("compressed layers in a docker archive are kept as they are", async () => {
  using folder = temporaryFolder();
  const layer = Bun.gzipSync(new Uint8Array(1024));
  const name = dockerArchive(folder, [...GOOD.slice(0, 2), { path: "./l/layer.tar", data: layer }]);
  expect((await readAll(folder, name)).layers).toMatchObject([{ digest: sha256(layer), size: layer.length }]);
});

test("names longer than a header's field are read from PAX records", async () => {
  using folder = temporaryFolder();
  const path = `${"deep/".repeat(40)}layer.tar`;
  const name = dockerArchive(folder, [
    { path: "manifest.json", data: manifest({ Layers: [path] }) },
    { path: "c.json", data: config },
    { path, data: new Uint8Array(1024) },
  ]);
  expect((await readAll(folder, name)).layers.length).toBe(1);
});

test("of several images one must be named", async () => {
  using folder = temporaryFolder();
  const two = JSON.stringify([
    ...JSON.parse(manifest({})),
    ...JSON.parse(manifest({ RepoTags: ["docker.io/library/y:2"] })),
  ]);
  const name = dockerArchive(folder, [{ path: "manifest.json", data: two }, ...GOOD.slice(1)]);
  expect(await failureOf(folder, name)).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/2 images.*x:1.*y:2/),
  });
  expect(await failureOf(folder, `${name}:z`)).toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/"z".*x:1/),
  });
  expect((await readAll(folder, `${name}:y:2`)).env).toEqual(["A=b"]);
});

const secret = "the host's secret";

const HOSTILE: [name: string, entries: TarEntry[], code: string, message: RegExp][] = [
  [
    "a configuration that is a link out",
    [GOOD[0] ?? { path: "" }, { path: "c.json", type: "symlink", target: "SECRET" }],
    "not-found",
    /is missing in it/,
  ],
  [
    "a layer that is a link out",
    [...GOOD.slice(0, 2), { path: "l/layer.tar", type: "symlink", target: "../../../../SECRET" }],
    "not-found",
    /layer.tar.* is missing/,
  ],
  [
    "a layer that is a hard link out",
    [...GOOD.slice(0, 2), { path: "l/layer.tar", type: "link", target: "SECRET" }],
    "not-found",
    /layer.tar.* is missing/,
  ],
  [
    "a configuration named by an absolute path",
    [{ path: "manifest.json", data: manifest({ Config: "SECRET" }) }],
    "not-found",
    /is missing in it/,
  ],
  [
    "a configuration named by a path that climbs",
    [{ path: "manifest.json", data: manifest({ Config: "../../../../SECRET" }) }],
    "not-found",
    /is missing in it/,
  ],
  [
    "a layer that links to itself",
    [...GOOD.slice(0, 2), { path: "l/layer.tar", type: "symlink", target: "layer.tar" }],
    "not-found",
    /layer.tar.* is missing/,
  ],
  [
    "a manifest.json that is a fifo",
    [{ path: "manifest.json", type: "fifo" }, ...GOOD.slice(1)],
    "not-found",
    /no manifest\.json/,
  ],
  ["a manifest.json that is not JSON", [{ path: "manifest.json", data: "[{" }], "invalid", /not JSON/],
  [
    "a manifest.json that is an object",
    [{ path: "manifest.json", data: "{}" }],
    "invalid",
    /manifest\.json is not what/,
  ],
  [
    "a manifest.json with a null",
    [{ path: "manifest.json", data: "[null]" }],
    "invalid",
    /in its manifest\.json is not what/,
  ],
  ["an empty manifest.json", [{ path: "manifest.json", data: "[]" }], "not-found", /no image/],
  [
    "layers that are numbers",
    [{ path: "manifest.json", data: manifest({ Layers: [1] }) }],
    "invalid",
    /in its manifest\.json is not what/,
  ],
  [
    "more layers than diffIDs",
    [{ path: "manifest.json", data: manifest({ Layers: ["a", "b"] }) }, ...GOOD.slice(1)],
    "invalid",
    /2 layers, but its configuration 1/,
  ],
  ["a configuration that is not JSON", [GOOD[0] ?? { path: "" }, { path: "c.json", data: "x" }], "invalid", /not JSON/],
  [
    "a configuration of 5 MB",
    [GOOD[0] ?? { path: "" }, { path: "c.json", data: " ".repeat(5e6) }],
    "invalid",
    /larger than/,
  ],
  ["an archive of something else", [{ path: "x", data: "y" }], "not-found", /no manifest\.json/],
  ["a member with a negative size", [GOOD[0] ?? { path: "" }, { path: "x", claimedSize: -5 }], "invalid", /negative/],
  ["a member that is larger than the archive", [{ path: "x", data: "y", claimedSize: 1e15 }], "invalid", /ends early/],
  ["a PAX size that is none", [{ path: "x", data: "y", pax: { size: "1e3" } }], "invalid", /PAX/],
  [
    "a PAX size that leads out of the archive",
    [{ path: "x", data: "y", pax: { size: "99999999" } }],
    "invalid",
    /ends early/,
  ],
];

test.each(HOSTILE)(
  "%s is refused with one sentence, and nothing is read outside (CVE-2025-11395)",
  async (_, entries, code, message) => {
    using folder = temporaryFolder();
    writeFileSync(folder.join("secret"), config + secret);
    const replaced = entries.map((entry) => {
      const text = JSON.stringify(entry).replaceAll("/SECRET", "SECRET").replaceAll("SECRET", folder.join("secret"));
      return entry.data instanceof Uint8Array ? entry : (JSON.parse(text) as TarEntry); // cast: what it was
    });
    const found = await failureOf(folder, dockerArchive(folder, replaced));
    expect(found.message).not.toContain(secret);
    expect(found.message).not.toContain("\n");
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) });
  },
);

test.each([0, 100, 700, 2000])("an archive that was cut off after %d bytes is refused", async (length) => {
  using folder = temporaryFolder();
  const name = dockerArchive(folder, GOOD);
  truncateSync(folder.join("d.tar"), length);
  expect(await failureOf(folder, name)).toMatchObject({ code: "invalid", message: expect.stringContaining(name) });
});

test.each([
  ["cut off", (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2)],
  ["damaged", (bytes: Uint8Array) => bytes.map((byte, at) => (at > bytes.length / 2 ? byte ^ 0x55 : byte))],
])("a compressed archive that is %s is refused, and leaves nothing", async (_, spoil) => {
  using folder = temporaryFolder();
  const noise = new Uint8Array(100_000).map((_, at) => (at * at * 31) >> 3);
  writeFileSync(folder.join("a.tar"), spoil(Bun.gzipSync(writeTar([...GOOD, { path: "x", data: noise }]))));
  expect(await failureOf(folder, `docker-archive:${folder.join("a.tar")}`)).toMatchObject({
    code: "invalid",
    message: expect.stringMatching(/cannot read docker-archive:/),
  });
  expect(readdirSync(folder.join("scratch"))).toEqual([]);
});

test("what is not an archive is refused", async () => {
  using folder = temporaryFolder();
  const name = `oci-archive:${folder.join("x")}`;
  expect(await failureOf(folder, name)).toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/there is no file/),
  });
  mkdirSync(folder.join("x"));
  expect(await failureOf(folder, name)).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/folder.*oci:/),
  });
  writeFileSync(folder.join("text"), "hello ".repeat(1000));
  expect(await failureOf(folder, `oci-archive:${folder.join("text")}`)).toMatchObject({
    code: "invalid",
    message: expect.stringMatching(/not a tar archive/),
  });
  Bun.spawnSync(["mkfifo", folder.join("fifo")]);
  expect(await failureOf(folder, `oci-archive:${folder.join("fifo")}`)).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/not a file/),
  });
});

test("a blob of an archive that has another digest is refused when the image is read", async () => {
  using folder = temporaryFolder();
  const [written] = writeOciLayout(folder.join("layout"), IMAGE);
  const path = folder.join(`layout/blobs/sha256/${written?.config.digest.slice(7)}`);
  writeFileSync(path, readFileSync(path, "utf8").replace("A=b", "A=c"));
  writeFileSync(folder.join("a.tar"), layoutTar(folder.join("layout")));
  for (const name of [`oci-archive:${folder.join("a.tar")}`, `oci:${folder.join("layout")}`]) {
    expect(await failureOf(folder, name)).toMatchObject({
      code: "integrity",
      message: expect.stringContaining(written?.config.digest ?? ""),
    });
  }
});

requires(userNamespaces)("expanding an archive on a full disk is one sentence", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.join("a.tar"), Bun.gzipSync(writeTar([...GOOD, { path: "x", data: new Uint8Array(3e6) }])));
  mkdirSync(folder.join("small"));
  const script = `mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$4" "$1"`;
  const child = `${import.meta.dir}/support/open-archive.ts`;
  const command = ["sh", "-c", script, "sh", folder.join("small"), process.execPath, child, folder.join("a.tar")];
  const { stdout, stderr } = Bun.spawnSync(["unshare", "-Urm", ...command]);
  expect(stderr.toString()).toBe("");
  const { code, message } = JSON.parse(stdout.toString());
  expect(code).toBe("no-space");
  expect(message).toMatch(/^cannot expand docker-archive:.*: no space left on device$/);
});
