import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { digestHex } from "../../src/oci/index.ts";
import { openStore, storeFolder } from "../../src/store/index.ts";
import { program, requires } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { child, failure, putImage, putIndex, temporaryStore } from "./support.ts";

const NAME = "docker.io/library/alpine:3.20";

test.each([
  [undefined, { HOME: "/home/a" }, "/home/a/.local/share/tsbox"],
  [undefined, { HOME: "/home/a", XDG_DATA_HOME: "/data" }, "/data/tsbox"],
  [undefined, { HOME: "/home/a", XDG_DATA_HOME: "/data/" }, "/data/tsbox"],
  [undefined, { HOME: "/home/a", XDG_DATA_HOME: "relative" }, "/home/a/.local/share/tsbox"],
  [undefined, { HOME: "/home/a", XDG_DATA_HOME: "" }, "/home/a/.local/share/tsbox"],
  [undefined, { HOME: "/home/a", TSBOX_ROOT: "/x//y/" }, "/x/y"],
  ["/z", { HOME: "/home/a", TSBOX_ROOT: "/x" }, "/z"],
  ["z", {}, `${process.cwd()}/z`],
])("the store with --root=%p and %p is %s", (root, env, path) => {
  expect(storeFolder(root, env)).toBe(path);
});

test("without HOME the folder must be named", () => {
  expect(failure(() => storeFolder(undefined, {}))).toMatchObject({
    code: "host",
    message: expect.stringMatching(/--root/),
  });
});

test("opening and reading a store that is not there makes nothing", () => {
  using folder = temporaryFolder();
  const store = openStore(folder.join("deep/store"));
  expect(store.index.read().manifests).toEqual([]);
  expect(existsSync(folder.join("deep"))).toBe(false);
});

test("nobody else may look into the store", async () => {
  using folder = temporaryStore();
  await putImage(folder.store, "a");
  for (const name of ["", "/blobs", "/layers", "/containers", "/tmp"]) {
    expect(statSync(`${folder.store.root}${name}`).mode & 0o777).toBe(0o700);
  }
});

test("a name stands for one document: the last one set", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const [a, b] = [await putImage(store, "a"), await putImage(store, "b")];
  store.index.set(NAME, a.manifest);
  store.index.set("docker.io/library/other:1", a.manifest);
  store.index.set(NAME, b.manifest);
  const entries = store.index.read().manifests.map(({ digest, annotations }) => [digest, annotations]);
  expect(entries).toEqual([
    [a.manifest.digest, { "org.opencontainers.image.ref.name": "docker.io/library/other:1" }],
    [b.manifest.digest, { "org.opencontainers.image.ref.name": NAME }],
  ]);
});

test("an image from a path is filed under a name that is none of the specification's", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest } = await putImage(store, "a");
  store.index.set("oci:/some/where:tag", manifest);
  expect(store.index.read().manifests[0]?.annotations).toEqual({ "tsbox.image.name": "oci:/some/where:tag" });
});

test("the source's annotations do not come along", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest } = await putImage(store, "a");
  const annotations = {
    "org.opencontainers.image.ref.name": "docker.io/library/debian:latest",
    "tsbox.image.name": "x",
  };
  store.index.set(NAME, { ...manifest, annotations });
  expect(store.index.read().manifests[0]?.annotations).toEqual({ "org.opencontainers.image.ref.name": NAME });
});

test("changes of several processes at once are all kept", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const prefixes = ["a", "b", "c"];
  const children = prefixes.map((prefix) => child("names", store, prefix, "15"));
  const codes = await Promise.all(children.map(({ exited }) => exited));
  expect(codes).toEqual([0, 0, 0]);
  expect(store.index.read().manifests.length).toBe(45);
});

test("processes that make the store at the same time make one, and lose nothing", async () => {
  using folder = temporaryStore();
  const children = ["a", "b", "c", "d"].map((prefix) => child("names", folder.store, prefix, "1"));
  expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);
  expect(folder.store.index.read().manifests.length).toBe(4);
});

test("a process that is killed while it changes the index leaves a whole one", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  for (const wait of [60, 75, 90, 105, 120]) {
    await using writer = child("names", store, `w${wait}`, "10000");
    await Bun.sleep(wait);
    writer.kill("SIGKILL");
    await writer.exited;
    // throws unless it is whole; and the lock is free
    store.index.set(`localhost/after:${wait}`, (await putImage(store, "a")).manifest);
  }
  expect(store.index.read().manifests.length).toBeGreaterThanOrEqual(5);
});

test.each([
  ["half of it", '{"schemaVersion":2,"manifests":[{"mediaType"'],
  ["a list", "[]"],
  ["nothing", ""],
  ["manifests that are none", '{"schemaVersion":2,"manifests":5}'],
  [
    "a digest that is a path",
    '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":1,"digest":"sha256:../../x"}]}',
  ],
  ["a manifest", '{"schemaVersion":2,"layers":[],"config":{"mediaType":"a/b","size":1,"digest":"x"}}'],
])("an index.json that is %s is named with its remedy, and not overwritten", async (_, text) => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest } = await putImage(store, "a");
  writeFileSync(store.index.path, text);
  const message = expect.stringMatching(new RegExp(`cannot read .*${store.index.path}.*: .*; move it away`));
  expect(failure(() => store.index.set(NAME, manifest))).toMatchObject({ code: "invalid", message });
  expect(readFileSync(store.index.path, "utf8")).toBe(text);
});

test("a layout of a version that tsbox does not know is refused", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await putImage(store, "a");
  writeFileSync(`${store.root}/oci-layout`, '{"imageLayoutVersion":"2.0.0"}');
  expect(failure(() => store.lease())).toMatchObject({
    code: "unsupported",
    message: expect.stringContaining("2.0.0"),
  });
});

requires(program("skopeo"))("skopeo inspects an image in the store by its full name", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const { manifest, layer } = await putImage(store, "a");
  store.index.set(NAME, manifest);
  store.index.set("oci:/else/where", (await putImage(store, "b")).manifest);
  const { stdout, stderr } = Bun.spawnSync(["skopeo", "inspect", `oci:${store.root}:${NAME}`]);
  expect(stderr.toString()).toBe("");
  expect(JSON.parse(stdout.toString())).toMatchObject({
    Digest: manifest.digest,
    Layers: [layer.digest],
    Env: ["SEED=a"],
  });
});

requires(program("skopeo"))(
  "skopeo copies the one platform that was fetched of an index out of the store",
  async () => {
    using folder = temporaryStore();
    const { store } = folder;
    const { manifest } = await putImage(store, "a");
    const absent = {
      ...manifest,
      digest: `sha256:${"0".repeat(64)}`,
      platform: { os: "linux", architecture: "riscv64" },
    };
    const here = {
      ...manifest,
      platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
    };
    store.index.set(NAME, putIndex(store, [absent, here] as never));
    const target = `oci:${folder.join("copy")}:x`;
    const { stderr, exitCode } = Bun.spawnSync([
      "skopeo",
      "--insecure-policy",
      "copy",
      "-q",
      `oci:${store.root}:${NAME}`,
      target,
    ]);
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
    expect(existsSync(folder.join(`copy/blobs/sha256/${digestHex(manifest.digest)}`))).toBe(true);
  },
);

requires(program("umoci"))("umoci lists the names in the store and reads an image", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  store.index.set(NAME, (await putImage(store, "a")).manifest);
  expect(Bun.spawnSync(["umoci", "list", "--layout", store.root]).stdout.toString()).toBe(`${NAME}\n`);
  const { stdout, stderr } = Bun.spawnSync(["umoci", "stat", "--json", "--image", `${store.root}:${NAME}`]);
  expect(stderr.toString()).toBe("");
  expect(JSON.parse(stdout.toString())).toHaveProperty("history");
});
