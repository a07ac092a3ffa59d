/** Redirects: followed by hand, because what goes along must be decided at each one. */
import { expect, test } from "bun:test";
import { temporaryFolder } from "../support/tmp.ts";
import { certificate } from "./support/certificate.ts";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { collect, descriptor, failure, source } from "./support/source.ts";

const LOGIN = { username: "ann", password: "secret" };

const redirect = (location: string, status = 307) => new Response(null, { status, headers: { location } });

test.each([301, 302, 303, 307, 308])("a blob is followed to another host by status %p", async (status) => {
  using storage = fakeRegistry();
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  storage.on(() => new Response("a layer"));
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${storage.url}/bucket?sig=1`, status) : undefined));
  const bytes = await collect(await source(`${registry.host}/some/app:1`).open(descriptor(layer), 0));
  expect(Buffer.from(bytes).toString()).toBe("a layer");
  expect(storage.requests.map(({ path, query }) => path + query)).toEqual(["/bucket?sig=1"]);
});

test("a relative redirect stays with its host, and keeps the authorization", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  registry.on((_, { path }) => (path.includes("blobs") ? redirect("../../moved/here?x=1") : undefined));
  registry.on((_, { authorization }) =>
    authorization === null
      ? new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } })
      : undefined,
  );
  registry.on((_, { path, authorization }) =>
    path.includes("moved") && authorization !== null ? new Response("a layer") : undefined,
  );
  const from = source(`${registry.host}/some/app:1`, { credentials: LOGIN });
  expect(Buffer.from(await collect(await from.open(descriptor(layer), 0))).toString()).toBe("a layer");
  expect(registry.seen(/moved/)[0]?.authorization).toStartWith("Basic ");
});

test("the offset goes along with a redirect", async () => {
  using storage = fakeRegistry();
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  smallImage(storage);
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${storage.url}${path}`) : undefined));
  const bytes = await collect(await source(`${registry.host}/some/app:1`).open(descriptor(layer), 2));
  expect(Buffer.from(bytes).toString()).toBe("layer");
  expect(storage.seen(/blobs/)[0]?.range).toBe("bytes=2-");
});

test("redirects in a circle end", async () => {
  using registry = fakeRegistry();
  registry.on((_, { path }) => (path === "/v2/" ? undefined : redirect(path)));
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error).toMatchObject({ name: "TsboxError", message: expect.stringMatching(/redirect/) });
  expect(registry.seen(/manifests/).length).toBeLessThanOrEqual(11);
});

test.each(["", "http://[", "file:///etc/passwd", "ftp://localhost/x"])(
  "a redirect to %p is an error and not followed",
  async (location) => {
    using registry = fakeRegistry();
    registry.on((_, { path }) => (path === "/v2/" ? undefined : redirect(location)));
    const error = await failure(source(`${registry.host}/some/app:1`).resolve());
    expect(error).toMatchObject({ name: "TsboxError", message: expect.stringMatching(/redirect/) });
  },
);

test("from HTTPS to plain HTTP is refused, unless certificates need not be checked either", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using storage = fakeRegistry();
  using registry = fakeRegistry({ tls: made.server });
  const { layer } = smallImage(registry);
  storage.on(() => new Response("a layer"));
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${storage.url}/x?signature=secret`) : undefined));
  const checked = source(`${registry.host}/some/app:1`, { certDir: made.caFolder });
  const error = await failure(checked.open(descriptor(layer), 0).then(collect));
  expect(error.code).toBe("denied");
  expect(error.message).toContain("plain http");
  expect(error.message).not.toContain("secret");
  expect(storage.requests).toEqual([]);
  const unchecked = source(`${registry.host}/some/app:1`, { tlsVerify: false });
  expect(Buffer.from(await collect(await unchecked.open(descriptor(layer), 0))).toString()).toBe("a layer");
});

test("an error of the storage behind a redirect does not show the signature of its URL", async () => {
  using storage = fakeRegistry();
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  storage.on(() => new Response("denied", { status: 403 }));
  const location = storage.url.replace("//", "//user:passw0rd@");
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${location}/x?signature=secret`) : undefined));
  const error = await failure(source(`${registry.host}/some/app:1`).open(descriptor(layer), 0).then(collect));
  expect(Bun.inspect(error, { depth: 9 })).not.toMatch(/signature=secret|passw0rd/);
});
