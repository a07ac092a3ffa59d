/** CVE-2020-15157 and its kin: credentials must not follow a redirect, or an image's own URLs, to somebody else. */
import { expect, test } from "bun:test";
import { certificate } from "../registry/support/certificate.ts";
import { fakeRegistry, smallImage } from "../registry/support/fake-registry.ts";
import { collect, descriptor, source } from "../registry/support/source.ts";
import { temporaryFolder } from "../support/tmp.ts";

const credentials = { username: "ann", password: "secret" };
const redirect = (location: string) => new Response(null, { status: 307, headers: { location } });

function login(registry: ReturnType<typeof fakeRegistry>) {
  registry.on((_, { authorization }) =>
    authorization === null
      ? new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } })
      : undefined,
  );
}

test("CVE-2020-15157: authorization is not sent to another port, nor again on the way back", async () => {
  using storage = fakeRegistry();
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${storage.url}/there`) : undefined));
  login(registry);
  storage.on(() => redirect(`${registry.url}/back`));
  registry.on((_, { path }) => (path === "/back" ? new Response("a layer") : undefined));
  const from = source(`${registry.host}/some/app:1`, { credentials });
  await collect(await from.open(descriptor(layer), 0));
  expect(registry.seen(/blobs/).at(-1)?.authorization).toStartWith("Basic ");
  expect(storage.requests.map(({ authorization }) => authorization)).toEqual([null]);
  expect(registry.seen(/^\/back$/).map(({ authorization }) => authorization)).toEqual([null]);
});

test("authorization is not sent to another name of the same host", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  const other = registry.url.replace("localhost", "127.0.0.1");
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${other}/there`) : undefined));
  login(registry);
  registry.on((_, { path }) => (path === "/there" ? new Response("a layer") : undefined));
  await collect(await source(`${registry.host}/some/app:1`, { credentials }).open(descriptor(layer), 0));
  expect(registry.seen(/blobs/).at(-1)?.authorization).toStartWith("Basic ");
  expect(registry.seen(/there/).map(({ authorization }) => authorization)).toEqual([null]);
});

test("containerd 2026: authorization is not kept when the scheme changes", async () => {
  using folder = temporaryFolder();
  using registry = fakeRegistry({ tls: certificate(folder.path).server });
  using storage = fakeRegistry();
  const { layer } = smallImage(registry);
  registry.on((_, { path }) => (path.includes("blobs") ? redirect(`${storage.url}/there`) : undefined));
  login(registry);
  storage.on(() => new Response("a layer"));
  const from = source(`${registry.host}/some/app:1`, { credentials, tlsVerify: false });
  await collect(await from.open(descriptor(layer), 0));
  expect(registry.seen(/blobs/).at(-1)?.authorization).toStartWith("Basic ");
  expect(storage.requests.map(({ authorization }) => authorization)).toEqual([null]);
});

test("CVE-2020-15157: the URLs that a layer names are never asked", async () => {
  using elsewhere = fakeRegistry();
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  const foreign = { ...descriptor(layer), urls: [`${elsewhere.url}/foreign`] };
  await collect(await source(`${registry.host}/some/app:1`, { credentials }).open(foreign, 0));
  expect(elsewhere.requests).toEqual([]);
});
