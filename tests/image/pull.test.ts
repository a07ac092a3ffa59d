import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { pullFrom, pullImage } from "../../src/image/pull.ts";
import { digestHex } from "../../src/oci/index.ts";
import { resolveLocal } from "../../src/store/index.ts";
import { fakeRegistry, smallImage } from "../registry/support/fake-registry.ts";
import { HOST, temporaryStore } from "../store/support.ts";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { writeOciLayout } from "../support/oci-image.ts";
import { program, requires } from "../support/skip.ts";
import type { TarEntry } from "../support/tar.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { hanging, memoryImage, memorySource } from "./memory-source.ts";
import { mapping, NOTHING, pullOptions, states, tree, visible } from "./support.ts";

const LARGE = 3 * 1024 * 1024;
const large = (seed: number) => new Uint8Array(LARGE).fill(seed);

test("a pull puts documents, blobs, trees and the name into the store, and nothing else", async () => {
  using folder = temporaryStore();
  using source = temporaryFolder();
  const { store } = folder;
  writeOciLayout(source.path, {
    layers: [{ content: [{ path: "a", data: "one" }] }, { content: [{ path: "b", data: "two" }], compression: "zstd" }],
  });
  const options = pullOptions(store, `oci:${source.path}`);
  const image = await pullImage(options);
  expect(readFileSync(`${tree(store, image, 0)}/a`, "utf8")).toBe("one");
  expect(readFileSync(`${tree(store, image, 1)}/b`, "utf8")).toBe("two");
  expect(visible(store)).toEqual({ names: 1, layers: expect.arrayContaining(image.chainIDs.map(digestHex)), tmp: [] });
  expect(readdirSync(`${store.root}/blobs/sha256`).length).toBe(4);
  const { top, ...found } = resolveLocal(store, options.name, HOST) ?? { top: undefined };
  expect(image).toMatchObject({ ...found, top: { digest: top?.digest } });
  expect(states(options.events)).toEqual(["waiting", "downloading", "unpacking", "done"]);
});

test("a second pull of the same copies nothing", async () => {
  using folder = temporaryStore();
  const image = memoryImage([[{ path: "a", data: "one" }], [{ path: "b", data: "two" }]]);
  const options = pullOptions(folder.store, "localhost/x");
  await pullFrom(memorySource(image), options);
  const again = memorySource(image);
  const second = pullOptions(folder.store, "localhost/x");
  await pullFrom(again, second);
  expect(again.opened).toEqual([]);
  expect(states(second.events)).toEqual(["waiting", "exists"]);
});

test("a layer that occurs twice is fetched once", async () => {
  using folder = temporaryStore();
  const same = [{ path: "a", data: "one" }];
  const source = memorySource(memoryImage([same, [{ path: "b" }], same]));
  const image = await pullFrom(source, pullOptions(folder.store, "localhost/x"));
  expect(source.opened.filter(({ index }) => index === 0).length).toBe(1);
  expect(readFileSync(`${tree(folder.store, image, 2)}/a`, "utf8")).toBe("one");
});

test("a folder that a layer has things in but does not list looks like the one below it", async () => {
  using folder = temporaryStore();
  const source = memorySource(
    memoryImage([[{ path: "d/", type: "directory", mode: 0o711 }], [{ path: "d/f", data: "x" }]]),
  );
  const image = await pullFrom(source, pullOptions(folder.store, "localhost/x"));
  expect(statSync(`${tree(folder.store, image)}/d`).mode & 0o777).toBe(0o711);
});

test("a hard link to a file of a lower layer has that file's content", async () => {
  using folder = temporaryStore();
  const source = memorySource(
    memoryImage([[{ path: "f", data: "below" }], [{ path: "link", type: "link", target: "f" }]]),
  );
  const image = await pullFrom(source, pullOptions(folder.store, "localhost/x"));
  expect(readFileSync(`${tree(folder.store, image)}/link`, "utf8")).toBe("below");
});

test("a layer with a wrong digest ends the pull, and nothing of the image can be seen", async () => {
  using folder = temporaryStore();
  const image = memoryImage([[{ path: "a", data: "one" }], [{ path: "b", data: large(1) }]]);
  const wrong = Uint8Array.from(image.layers[1]?.bytes ?? []);
  wrong[700_000] = 7;
  const source = memorySource(image, async function* (index) {
    yield index === 1 ? wrong : (image.layers[index]?.bytes ?? wrong);
  });
  const pull = pullFrom(source, pullOptions(folder.store, "localhost/x"));
  expect(pull).rejects.toMatchObject({ code: "integrity" });
  await pull.catch(() => {});
  expect(visible(folder.store)).toEqual(NOTHING);
});

test("a layer whose content is not what the configuration says ends the pull", async () => {
  using folder = temporaryStore();
  const image = memoryImage([[{ path: "a", data: "one" }]], {
    config: (config) => {
      config.rootfs = { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] };
    },
  });
  const pull = pullFrom(memorySource(image), pullOptions(folder.store, "localhost/x"));
  expect(pull).rejects.toMatchObject({
    code: "integrity",
    message: expect.stringContaining("uncompressed layer's digest"),
  });
  await pull.catch(() => {});
  expect(visible(folder.store)).toEqual(NOTHING);
});

test("a layer that fails stops the others at once, also those that hang", async () => {
  using folder = temporaryStore();
  const image = memoryImage([0, 1, 2, 3, 4].map((seed) => [{ path: "f", data: large(seed) }]));
  const source = memorySource(image, (index) =>
    index === 1
      ? (async function* () {
          await Bun.sleep(100);
          yield new Uint8Array(0);
        })()
      : hanging((image.layers[index]?.bytes ?? new Uint8Array()).subarray(0, 2_000_000)),
  );
  const pull = pullFrom(source, pullOptions(folder.store, "localhost/x"));
  expect(pull).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining("ended after 0 of") });
  await pull.catch(() => {});
  expect(visible(folder.store)).toMatchObject({ names: 0, layers: [] });
  expect(source.opened.length).toBe(3);
});

test("who is stopped keeps what came, and the next pull asks for the rest only", async () => {
  using folder = temporaryStore();
  const image = memoryImage([[{ path: "f", data: large(5) }]]);
  const bytes = image.layers[0]?.bytes ?? new Uint8Array();
  const stop = new AbortController();
  const first = pullOptions(folder.store, "localhost/x", {
    source: { signal: stop.signal },
    onEvent: (event) => {
      if (event.type === "layer" && event.bytes === 2_000_000) setTimeout(() => stop.abort(new Error("enough")), 50);
    },
  });
  const pull = pullFrom(
    memorySource(image, () => hanging(bytes.subarray(0, 2_000_000))),
    first,
  );
  expect(pull).rejects.toThrow("enough");
  await pull.catch(() => {});
  expect(visible(folder.store)).toMatchObject({ names: 0, layers: [] });
  const rest = memorySource(image);
  const done = await pullFrom(rest, pullOptions(folder.store, "localhost/x"));
  expect(rest.opened).toEqual([{ index: 0, offset: 2_000_000 }]);
  expect(readFileSync(`${tree(folder.store, done)}/f`).equals(large(5))).toBe(true);
});

test("a partial download that was damaged is fetched and unpacked again from the start", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = memoryImage([[{ path: "f", data: large(6) }]]);
  const { bytes = new Uint8Array(), descriptor } = image.layers[0] ?? {};
  if (descriptor === undefined) throw new Error("no layer");
  const damaged = bytes.slice(0, 2_500_000);
  damaged.fill(99, 1_000_000, 1_000_100);
  writeFileSync(`${store.scratch()}/partial-sha256-${digestHex(descriptor.digest)}`, damaged);
  const source = memorySource(image);
  const done = await pullFrom(source, pullOptions(store, "localhost/x"));
  expect(source.opened.map(({ offset }) => offset)).toEqual([2_500_000, 0]);
  expect(readFileSync(`${tree(store, done)}/f`).equals(large(6))).toBe(true);
  expect(visible(store)).toEqual({ names: 1, layers: done.chainIDs.map(digestHex), tmp: [] });
});

test("a blob that the disk has damaged is fetched again when it is needed", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  const image = memoryImage([[{ path: "f", data: large(7) }]]);
  const { bytes = new Uint8Array(), descriptor } = image.layers[0] ?? {};
  if (descriptor === undefined) throw new Error("no layer");
  store.scratch();
  writeFileSync(store.blobs.path(descriptor.digest), new Uint8Array(bytes.length).fill(1));
  const source = memorySource(image);
  const done = await pullFrom(source, pullOptions(store, "localhost/x"));
  expect(source.opened).toEqual([{ index: 0, offset: 0 }]);
  expect(readFileSync(`${tree(store, done)}/f`).equals(large(7))).toBe(true);
  expect(await store.blobs.verify(descriptor)).toBe(true);
});

test("a new image under a name replaces the old one, which is removed", async () => {
  using folder = temporaryStore();
  const old = await pullFrom(memorySource(memoryImage([[{ path: "old" }]])), pullOptions(folder.store, "localhost/x"));
  const now = await pullFrom(memorySource(memoryImage([[{ path: "new" }]])), pullOptions(folder.store, "localhost/x"));
  expect(visible(folder.store)).toEqual({ names: 1, layers: now.chainIDs.map(digestHex), tmp: [] });
  expect(folder.store.blobs.size(old.manifestDigest)).toBeUndefined();
});

const peers = requires(program("skopeo"), program("umoci"), busybox);

peers("skopeo and umoci read what was pulled from layouts that they wrote", async () => {
  using folder = temporaryStore();
  using work = temporaryFolder();
  const { store } = folder;
  const run = (...command: string[]) => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
    return stdout.toString();
  };
  const busyboxName = writeBusyboxLayout(work.join("ours"));
  run("skopeo", "copy", "--insecure-policy", "-q", busyboxName, `oci:${work.join("skopeo")}:latest`);
  run("umoci", "config", "--image", `${work.join("skopeo")}:latest`, "--tag", "changed", "--config.cmd", "id");
  const image = await pullImage(pullOptions(store, `oci:${work.join("skopeo")}:changed`));
  const entry = store.index.read().manifests[0];
  expect(entry?.digest).toBe(image.top.digest);
  expect(image.config.config?.Cmd).toEqual(["id"]);
  store.index.set("docker.io/library/busybox:1", image.top);
  const inspected = JSON.parse(run("skopeo", "inspect", `oci:${store.root}:docker.io/library/busybox:1`));
  expect(inspected.Digest).toBe(image.manifestDigest);
  expect(run("umoci", "ls", "--layout", store.root)).toContain("docker.io/library/busybox:1");
  run(
    "skopeo",
    "copy",
    "--insecure-policy",
    "-q",
    `oci:${store.root}:docker.io/library/busybox:1`,
    `oci:${work.join("copy")}`,
  );
});

test("attempts that fail and are made again are told, and a mirror that is passed over", async () => {
  using folder = temporaryStore();
  using registry = fakeRegistry();
  const { config } = smallImage(registry);
  registry.once((_, { path }) => (path.includes("/manifests/") ? new Response(null, { status: 503 }) : undefined));
  registry.on((_, { path }) => (path.includes(config.digest) ? new Response(null, { status: 403 }) : undefined));
  process.env.TSBOX_REGISTRY_MIRRORS = `${registry.host}=localhost:1`;
  const options = pullOptions(folder.store, `${registry.host}/some/app:1`);
  try {
    await expect(pullImage(options)).rejects.toThrow(/cannot get/);
  } finally {
    delete process.env.TSBOX_REGISTRY_MIRRORS;
  }
  const notes = options.events.flatMap((event) => (event.type === "note" ? [event.message] : []));
  expect(notes).toEqual([
    `cannot reach localhost:1: the connection was refused; trying ${registry.host}`,
    expect.stringMatching(/status 503.*; trying again in \d+\.\d s$/),
  ]);
});

test("what is wrong in a layer is said with which layer it is", async () => {
  const bad: readonly (readonly [TarEntry, RegExp])[] = [
    [{ path: "../x", data: "" }, /^cannot unpack layer DIGEST: the entry "\.\.\/x" leads out of the root$/],
    [
      { path: "etc/x", data: "", uid: 4_000_000_000 },
      /^cannot unpack "etc\/x" of layer DIGEST: uid 4000000000 is not mapped/,
    ],
  ];
  for (const [entry, message] of bad.slice(0, mapping.kind === "subuid" ? 2 : 1)) {
    using folder = temporaryStore();
    using source = temporaryFolder();
    const [image] = writeOciLayout(source.path, {
      layers: [{ content: [{ path: "a", data: "one" }] }, { content: [entry] }],
    });
    const failure: Error = await pullImage(pullOptions(folder.store, `oci:${source.path}`)).catch((error) => error);
    expect(failure.message.replace(image?.layers[1]?.digest ?? "", "DIGEST")).toMatch(message);
    expect(visible(folder.store).names).toBe(0);
  }
});
