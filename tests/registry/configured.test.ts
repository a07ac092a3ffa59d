/** Mirrors and insecure registries, as config.toml names them. */
import { expect, test } from "bun:test";
import { parseReference } from "../../src/oci/index.ts";
import { configuredSource, mirrorsOf } from "../../src/registry/configured.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { certificate } from "./support/certificate.ts";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { collect, descriptor, failure, QUICK } from "./support/source.ts";

const open = (name: string, env: Record<string, string>, onRetry?: (message: string) => void) =>
  configuredSource(parseReference(name), { ...QUICK, env, ...(onRetry && { onRetry }) });

test("mirrors are asked in their order, below the path that they have", () => {
  const env = { TSBOX_REGISTRY_MIRRORS: "docker.io=m.lan:5000/hub,[::1]:5000;ghcr.io=other.lan" };
  const places = (name: string) =>
    mirrorsOf(parseReference(name), env).map(({ registry, repository, tag }) => `${registry} ${repository} ${tag}`);
  expect(places("alpine:3")).toEqual(["m.lan:5000 hub/library/alpine 3", "[::1]:5000 library/alpine 3"]);
  expect(places("ghcr.io/a/b:1")).toEqual(["other.lan a/b 1"]);
  expect(places("quay.io/a/b:1")).toEqual([]);
  expect(mirrorsOf(parseReference("alpine"), {})).toEqual([]);
});

test("what a mirror has comes from it, under the registry's name", async () => {
  using mirror = fakeRegistry();
  const { layer } = smallImage(mirror);
  // nothing answers there
  const name = "registry.invalid/some/app:1";
  const source = open(name, { TSBOX_REGISTRY_MIRRORS: `registry.invalid=${mirror.host}` });
  expect(source.name).toBe(name);
  await source.resolve();
  expect(await collect(await source.open(descriptor(layer), 0))).toEqual(Buffer.from("a layer"));
  await source.close();
});

test("a mirror that is away, and one that has not got it, are passed over, once", async () => {
  using empty = fakeRegistry();
  using registry = fakeRegistry();
  const { config } = smallImage(registry);
  const messages: string[] = [];
  const env = { TSBOX_REGISTRY_MIRRORS: `${registry.host}=localhost:1,${empty.host}` };
  const source = open(`${registry.host}/some/app:1`, env, (message) => messages.push(message));
  await source.resolve();
  await source.fetch(descriptor(config));
  await source.close();
  expect(messages.filter((message) => message.includes("; trying "))).toHaveLength(2);
  expect(empty.requests).toHaveLength(1);
});

test("a blob that the mirror lacks comes from the registry", async () => {
  using mirror = fakeRegistry();
  using registry = fakeRegistry();
  smallImage(mirror);
  const { layer } = smallImage(registry);
  mirror.on(({ url }) => (url.includes("/blobs/") ? new Response("", { status: 404 }) : undefined));
  const source = open(`${registry.host}/some/app:1`, { TSBOX_REGISTRY_MIRRORS: `${registry.host}=${mirror.host}` });
  await source.resolve();
  expect(registry.requests).toEqual([]);
  expect(await collect(await source.open(descriptor(layer), 0))).toEqual(Buffer.from("a layer"));
  await source.close();
});

test("what nobody has is missing in the registry", async () => {
  using mirror = fakeRegistry();
  using registry = fakeRegistry();
  smallImage(registry);
  const source = open(`${registry.host}/some/app:2`, { TSBOX_REGISTRY_MIRRORS: `${registry.host}=${mirror.host}` });
  const error = await failure(source.resolve());
  expect(error.code).toBe("not-found");
  expect(error.message).toContain(registry.host);
  expect(error.message).not.toContain(mirror.host);
});

test("only the registries that are called insecure need not prove who they are", async () => {
  using folder = temporaryFolder();
  const { server } = certificate(folder.path);
  using registry = fakeRegistry({ tls: server });
  using other = fakeRegistry({ tls: server });
  smallImage(registry);
  smallImage(other);
  const env = { TSBOX_INSECURE_REGISTRIES: `x.lan,${registry.host}` };
  await open(`${registry.host}/some/app:1`, env).resolve();
  expect((await failure(open(`${other.host}/some/app:1`, env).resolve())).message).toContain("certificate");
  // the command line counts more
  const strict = configuredSource(parseReference(`${registry.host}/some/app:1`), { ...QUICK, env, tlsVerify: true });
  expect((await failure(strict.resolve())).message).toContain("certificate");
});
