/** Whom to trust: authorities of certs.d, client certificates, and when anything less is allowed. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { cpSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { temporaryFolder } from "../support/tmp.ts";
import { certificate } from "./support/certificate.ts";
import { cuttingServer } from "./support/cutting-server.ts";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { failure, source } from "./support/source.ts";

test("a certificate of an unknown authority is refused, and the message says where to put the authority", async () => {
  using folder = temporaryFolder();
  using registry = fakeRegistry({ tls: certificate(folder.path).server });
  smallImage(registry);
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error.message).toContain(`certs.d/${registry.host}`);
  expect(error.code).toBe("network");
  expect(registry.requests).toEqual([]);
});

test("NODE_TLS_REJECT_UNAUTHORIZED does not weaken the check", async () => {
  using folder = temporaryFolder();
  using registry = fakeRegistry({ tls: certificate(folder.path).server });
  smallImage(registry);
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    const error = await failure(source(`${registry.host}/some/app:1`).resolve());
    expect(error.message).toMatch(/certificate/);
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  }
});

test("--cert-dir names the authority", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using registry = fakeRegistry({ tls: made.server });
  smallImage(registry);
  await source(`${registry.host}/some/app:1`, { certDir: made.caFolder }).resolve();
});

test("certs.d/HOST:PORT names the authority of that host alone", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using registry = fakeRegistry({ tls: made.server });
  using other = fakeRegistry({ tls: made.server });
  smallImage(registry);
  smallImage(other);
  const certFolders = [folder.join("nothing-here"), folder.join("certs.d")];
  mkdirSync(folder.join("certs.d"));
  cpSync(made.caFolder, folder.join("certs.d", registry.host), { recursive: true });
  await source(`${registry.host}/some/app:1`, { certFolders }).resolve();
  expect((await failure(source(`${other.host}/some/app:1`, { certFolders }).resolve())).message).toMatch(/certificate/);
});

test("the user's ~/.config/containers/certs.d is looked in", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using registry = fakeRegistry({ tls: made.server });
  smallImage(registry);
  cpSync(made.caFolder, folder.join("home/.config/containers/certs.d", registry.host), { recursive: true });
  await source(`${registry.host}/some/app:1`, { env: { HOME: folder.join("home") } }).resolve();
});

test("a client certificate is shown to a registry that asks for one", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using registry = fakeRegistry({ tls: made.strict });
  smallImage(registry);
  await source(`${registry.host}/some/app:1`, { certDir: made.clientFolder }).resolve();
  const error = await failure(source(`${registry.host}/some/app:1`, { certDir: made.caFolder, retries: 0 }).resolve());
  expect(error).toMatchObject({ code: "network" });
});

test("a server that answers plain HTTP with 400 speaks TLS, and what failed about that is said", async () => {
  // Go's servers and nginx answer so on the port of HTTPS
  const answer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
  await using server = await cuttingServer((socket) => void socket.end(answer));
  const error = await failure(source(`${server.host}/some/app:1`, { retries: 0 }).resolve());
  expect(error.message).toBe(`cannot reach ${server.host}: the connection was cut`);
  expect(server.requests).toHaveLength(1);
});

test("a certificate for another host is refused by name", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path, "elsewhere.example");
  using registry = fakeRegistry({ tls: made.server });
  const error = await failure(source(`${registry.host}/some/app:1`, { certDir: made.caFolder }).resolve());
  expect(error).toMatchObject({
    code: "network",
    message: `cannot trust the certificate of ${registry.host}: it is for another host name; --tls-verify=false takes it all the same`,
  });
});

test("tlsVerify: false takes any certificate", async () => {
  using folder = temporaryFolder();
  using registry = fakeRegistry({ tls: certificate(folder.path).server });
  smallImage(registry);
  await source(`${registry.host}/some/app:1`, { tlsVerify: false }).resolve();
});

test("plain HTTP is spoken on loopback, not with tlsVerify: true", async () => {
  using registry = fakeRegistry();
  smallImage(registry);
  await source(`${registry.host}/some/app:1`).resolve();
  await source(`${registry.host}/some/app:1`, { tlsVerify: false }).resolve();
  const before = registry.requests.length;
  const error = await failure(source(`${registry.host}/some/app:1`, { tlsVerify: true, retries: 0 }).resolve());
  expect(error).toMatchObject({ code: "network" });
  expect(registry.requests.length).toBe(before);
});

test("what has no TLS and is not on loopback is said to be reached with --tls-verify=false", async () => {
  // cuts what is no HTTP, so by hand; 0.0.0.0 reaches this machine and is not of the loopback network
  const server = createServer((socket) => void socket.on("error", () => {}).end("HTTP/1.0 400 Bad Request\r\n\r\n"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const name = `0.0.0.0:${typeof address === "object" ? address?.port : ""}/some/app:1`;
  try {
    expect((await failure(source(name).resolve())).message).toEndWith("; --tls-verify=false allows plain HTTP");
    expect((await failure(source(name, { tlsVerify: true }).resolve())).message).toEndWith("a client certificate");
  } finally {
    server.close();
  }
});

test("a registry with a bad certificate is not spoken to without TLS instead, on loopback either", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path);
  using registry = fakeRegistry({ tls: made.server });
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error.message).toMatch(/certificate/);
});

test("a broken certificate file is named", async () => {
  using folder = temporaryFolder();
  using registry = fakeRegistry({ tls: certificate(folder.path).server });
  mkdirSync(folder.join("broken"));
  await Bun.write(folder.join("broken/ca.crt"), "not a certificate");
  const error = await failure(source(`${registry.host}/some/app:1`, { certDir: folder.join("broken") }).resolve());
  expect(error.message).toContain(folder.join("broken/ca.crt"));
});
