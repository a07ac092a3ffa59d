/** The registry that most others are derived from, filled by skopeo, read by tsbox. */
import { expect } from "bun:test";
import { appendFileSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { parseDocument } from "../../src/oci/index.ts";
import { sha256, writeOciLayout } from "../support/oci-image.ts";
import { startRegistry } from "../support/registry.ts";
import { program, requires } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { collect, failure, source } from "./support/source.ts";

const test = requires(program("docker-registry"), program("skopeo"));

const LOGIN = { username: "ann", password: "correct horse" };

/** An image with a layer large enough to come in many pieces. */
function layout(folder: string): string {
  // random, so that skopeo's compression leaves its size
  const data = new Uint8Array(3 << 20);
  for (let at = 0; at < data.length; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
  writeOciLayout(folder, { layers: [{ content: [{ path: "file", data }] }], config: { Cmd: ["/bin/true"] } });
  return `oci:${folder}:latest`;
}

/** Reads an image whole and compares every digest. */
async function pull(from: ReturnType<typeof source>): Promise<number> {
  const { bytes, descriptor } = await from.resolve();
  expect(sha256(bytes)).toBe(descriptor.digest as string);
  const document = parseDocument(bytes, descriptor.mediaType, "it");
  if (document.kind !== "manifest") throw new Error("one image was pushed");
  await from.fetch(document.manifest.config);
  let total = 0;
  for (const layer of document.manifest.layers) {
    const blob = await collect(await from.open(layer, 0));
    expect(sha256(blob)).toBe(layer.digest as string);
    expect(Buffer.compare(await collect(await from.open(layer, 1234)), blob.subarray(1234))).toBe(0);
    total += blob.length;
  }
  await from.close();
  return total;
}

test("pulls from a registry of plain HTTP on loopback", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry();
  const name = registry.push(layout(folder.join("image")), "team/app:1");
  expect(await pull(source(name))).toBeGreaterThan(3 << 20);
});

test("pulls from a registry with TLS of a private authority", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry({ tls: true });
  const name = registry.push(layout(folder.join("image")), "team/app:1");
  mkdirSync(folder.join("certs"));
  copyFileSync(registry.ca ?? "", folder.join("certs/ca.crt"));
  await pull(source(name, { certDir: folder.join("certs") }));
  await pull(source(name, { tlsVerify: false }));
  expect((await failure(source(name).resolve())).message).toMatch(/certificate/);
});

test("logs in with a name and password", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry({ tls: true, login: LOGIN });
  const name = registry.push(layout(folder.join("image")), "team/app:1");
  const certDir = dirname(registry.ca ?? "");
  mkdirSync(folder.join("certs"));
  copyFileSync(`${certDir}/ca.crt`, folder.join("certs/ca.crt"));
  const options = { certDir: folder.join("certs") };
  await pull(source(name, { ...options, credentials: LOGIN }));
  expect(await failure(source(name, options).resolve())).toMatchObject({ code: "auth" });
  const wrong = source(name, { ...options, credentials: { ...LOGIN, password: "battery staple" } });
  expect(await failure(wrong.resolve())).toMatchObject({ code: "auth", message: expect.stringMatching(/password/) });
});

test("logs in with what skopeo login has written", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry({ login: LOGIN });
  const name = registry.push(layout(folder.join("image")), "team/app:1");
  const authFile = folder.join("auth.json");
  const command = ["skopeo", "login", "--tls-verify=false", `--authfile=${authFile}`, "--username=ann"];
  const login = Bun.spawnSync([...command, "--password-stdin", registry.host], { stdin: Buffer.from(LOGIN.password) });
  expect(login.stderr.toString()).toBe("");
  await pull(source(name, { authFile }));
});

test("says what does not exist", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry();
  registry.push(layout(folder.join("image")), "team/app:1");
  const noTag = await failure(source(`${registry.host}/team/app:2`).resolve());
  expect(noTag).toMatchObject({ code: "not-found", message: expect.stringContaining("team/app") });
  const noRepository = await failure(source(`${registry.host}/team/nothing:1`).resolve());
  expect(noRepository).toMatchObject({ code: "not-found", message: expect.stringContaining("team/nothing") });
});

test("refuses a manifest that was spoilt on the registry's disk", async () => {
  using folder = temporaryFolder();
  await using registry = await startRegistry();
  const name = registry.push(layout(folder.join("image")), "team/app:1");
  const { descriptor } = await source(name).resolve();
  const hex = descriptor.digest.slice("sha256:".length);
  const blob = `${registry.storage}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
  expect(readdirSync(blob)).toEqual(["data"]);
  appendFileSync(`${blob}/data`, "\n");
  expect(await failure(source(name).resolve())).toMatchObject({ name: "TsboxError" });
});
