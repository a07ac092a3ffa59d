/** Reading from a registry that behaves, and from one that lies about what it sends. */
import { expect, test } from "bun:test";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { collect, descriptor, failure, source } from "./support/source.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

test("a tag is resolved, its documents fetched and its blobs streamed, without a login", async () => {
  using registry = fakeRegistry();
  const { manifest, config, layer, document } = smallImage(registry);
  await using at = disposable(source(`${registry.host}/some/app:1`));
  expect(at.source.name).toBe(`${registry.host}/some/app:1`);
  const top = await at.source.resolve();
  expect(top.descriptor as object).toMatchObject(manifest);
  expect(JSON.parse(Buffer.from(top.bytes).toString())).toEqual(document);
  expect(Buffer.from(await at.source.fetch(descriptor(config))).toString()).toBe(
    '{"architecture":"amd64","os":"linux"}',
  );
  expect(await collect(await at.source.open(descriptor(layer), 0))).toEqual(Buffer.from("a layer"));
  expect(await collect(await at.source.open(descriptor(layer), 2))).toEqual(Buffer.from("layer"));
  expect(registry.requests.map(({ authorization }) => authorization).filter((value) => value !== null)).toEqual([]);
});

test("a digest is asked for by digest, also beside a tag", async () => {
  using registry = fakeRegistry();
  const { manifest } = smallImage(registry);
  for (const name of [`some/app@${manifest.digest}`, `some/app:other@${manifest.digest}`]) {
    const { descriptor: top } = await source(`${registry.host}/${name}`).resolve();
    expect(top.digest as string).toBe(manifest.digest);
  }
  expect(registry.seen(/manifests/).map(({ path }) => path)).toEqual([
    `/v2/some/app/manifests/${manifest.digest}`,
    `/v2/some/app/manifests/${manifest.digest}`,
  ]);
});

test("a manifest of an index is fetched as a manifest", async () => {
  using registry = fakeRegistry();
  const { manifest } = smallImage(registry);
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [manifest] };
  registry.manifest("multi", index, INDEX);
  const from = source(`${registry.host}/some/app:multi`);
  expect((await from.resolve()).descriptor.mediaType).toBe(INDEX);
  const bytes = await from.fetch(descriptor(manifest));
  expect(bytes.length).toBe(manifest.size);
});

test("all media types of manifests are asked for", async () => {
  using registry = fakeRegistry();
  smallImage(registry);
  let accept = "";
  registry.on((request) => {
    if (request.url.includes("manifests")) accept = request.headers.get("accept") ?? "";
    return undefined;
  });
  await source(`${registry.host}/some/app:1`).resolve();
  expect(accept.split(/, */).sort()).toEqual([
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
  ]);
});

test("what does not exist is named, with its repository", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  const noTag = await failure(source(`${registry.host}/some/app:nothing`).resolve());
  expect(noTag).toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/nothing.*some\/app|some\/app.*nothing/),
  });
  const missing = { ...layer, digest: `sha256:${"0".repeat(64)}` };
  const noBlob = await failure(source(`${registry.host}/some/app:1`).open(descriptor(missing), 0).then(collect));
  expect(noBlob).toMatchObject({ code: "not-found", message: expect.stringContaining(missing.digest) });
  expect(registry.seen(/nothing/)).toHaveLength(1);
});

test("a document whose bytes are not those of its digest is refused", async () => {
  using registry = fakeRegistry();
  const { manifest, config } = smallImage(registry);
  const from = source(`${registry.host}/some/app@${manifest.digest}`);
  registry.on((request) =>
    request.url.includes("/manifests/")
      ? Response.json({ schemaVersion: 2, layers: [] }, { headers: { "content-type": manifest.mediaType } })
      : undefined,
  );
  expect(await failure(from.resolve())).toMatchObject({ code: "integrity" });
  expect(await failure(from.fetch(descriptor(manifest)))).toMatchObject({ code: "integrity" });
  registry.on((request) => (request.url.includes("/blobs/") ? new Response("x".repeat(config.size)) : undefined));
  expect(await failure(from.fetch(descriptor(config)))).toMatchObject({ code: "integrity" });
});

test("a document that contradicts Docker-Content-Digest is refused", async () => {
  using registry = fakeRegistry();
  const { document, manifest } = smallImage(registry);
  for (const [header, code] of [
    [`sha256:${"1".repeat(64)}`, "integrity"],
    ["sha256:../../etc/passwd", "invalid"],
  ] as const) {
    registry.on((request) =>
      request.url.includes("/manifests/")
        ? new Response(JSON.stringify(document), {
            headers: { "content-type": manifest.mediaType, "docker-content-digest": header },
          })
        : undefined,
    );
    expect(await failure(source(`${registry.host}/some/app:1`).resolve())).toMatchObject({ code });
  }
});

test("a registry that gives no digest and a generic type is believed by the document alone", async () => {
  using registry = fakeRegistry();
  const { document, manifest } = smallImage(registry);
  registry.on((request) =>
    request.url.includes("/manifests/")
      ? new Response(JSON.stringify(document), { headers: { "content-type": "application/json" } })
      : undefined,
  );
  const { descriptor: top } = await source(`${registry.host}/some/app:1`).resolve();
  expect(top as object).toMatchObject(manifest);
});

test("a document of more than 4 MiB is not read to its end", async () => {
  using registry = fakeRegistry();
  const { manifest } = smallImage(registry);
  let sent = 0;
  registry.on((request) => {
    if (!request.url.includes("/manifests/")) return undefined;
    const body = new ReadableStream({
      pull(controller) {
        sent += 65536;
        controller.enqueue(new Uint8Array(65536).fill(32));
      },
    });
    return new Response(body, { headers: { "content-type": manifest.mediaType } });
  });
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error.code).toMatch(/invalid|integrity/);
  expect(error.message).toMatch(/larger|more than/);
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test("a blob that goes on after its size is cut off there, as an error", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  let sent = 0;
  registry.on((request) => {
    if (!request.url.includes("/blobs/")) return undefined;
    return new Response(
      new ReadableStream({
        pull(controller) {
          sent += 65536;
          controller.enqueue(new Uint8Array(65536));
        },
      }),
    );
  });
  const error = await failure(source(`${registry.host}/some/app:1`).open(descriptor(layer), 0).then(collect));
  expect(error).toMatchObject({ code: "integrity" });
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test("a blob's bytes come as they are, whatever Content-Encoding says", async () => {
  using registry = fakeRegistry();
  const zipped = Bun.gzipSync("inside");
  const { layer } = smallImage(registry, "1", zipped);
  registry.on((request) =>
    request.url.includes("/blobs/") ? new Response(zipped, { headers: { "content-encoding": "gzip" } }) : undefined,
  );
  expect(await collect(await source(`${registry.host}/some/app:1`).open(descriptor(layer), 0))).toEqual(
    Buffer.from(zipped),
  );
});

test("what a registry says of an error is shown on one line, without terminal codes", async () => {
  using registry = fakeRegistry();
  registry.on((request) =>
    request.url.includes("/manifests/")
      ? Response.json(
          { errors: [{ code: "UNSUPPORTED", message: "\u001b[2Jno\nmanifests\u202e today" }] },
          { status: 400 },
        )
      : undefined,
  );
  const { message } = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(message).toMatch(/no manifests ?today/);
  expect(message).not.toMatch(/[\u0000-\u001f\u202e]/);
});

test("an endless error body does not hold the client up", async () => {
  using registry = fakeRegistry();
  let sent = 0;
  registry.on((request) => {
    if (!request.url.includes("/manifests/")) return undefined;
    const body = new ReadableStream({
      pull(controller) {
        sent += 65536;
        controller.enqueue(new Uint8Array(65536).fill(65));
      },
    });
    return new Response(body, { status: 400 });
  });
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error.message.length).toBeLessThan(1000);
  expect(sent).toBeLessThan(32 * 1024 * 1024);
});

test("close stops what is under way", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  const large = { ...layer, size: 1 << 30 };
  registry.on((request) =>
    request.url.includes("/blobs/")
      ? new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(20);
              controller.enqueue(new Uint8Array(10));
            },
          }),
        )
      : undefined,
  );
  const from = source(`${registry.host}/some/app:1`);
  const reading = failure(from.open(descriptor(large), 0).then(collect));
  await Bun.sleep(100);
  await from.close();
  expect(await Promise.race([reading, Bun.sleep(20_000)])).toBeInstanceOf(Error);
});

test("an abort signal stops a pull with its own reason", async () => {
  using registry = fakeRegistry();
  registry.on(async () => {
    await Bun.sleep(30_000);
    return undefined;
  });
  const reason = new Error("enough");
  const abort = new AbortController();
  setTimeout(() => abort.abort(reason), 50);
  const begin = performance.now();
  const error = await failure(source(`${registry.host}/some/app:1`, { signal: abort.signal }).resolve());
  expect(error).toBe(reason as never);
  expect(performance.now() - begin).toBeLessThan(20_000);
});

function disposable(it: ReturnType<typeof source>) {
  return { source: it, [Symbol.asyncDispose]: () => it.close() };
}
