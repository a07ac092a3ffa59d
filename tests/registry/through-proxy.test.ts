/** Requests through a proxy: a real CONNECT, and none where the environment that was given names no proxy. */
import { expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import { temporaryFolder } from "../support/tmp.ts";
import { certificate } from "./support/certificate.ts";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { QUICK, source } from "./support/source.ts";

/** Takes every CONNECT to one port of this machine, whatever host it is for, and writes down its head. */
async function connectProxy(port: number) {
  const heads: string[] = [];
  const server = createServer((client) => {
    client.on("error", () => {}); // either side may hang up first
    client.once("data", (data) => {
      heads.push(data.toString("latin1"));
      const target = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      target.on("error", () => client.destroy());
      client.on("close", () => target.destroy());
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return { port: address.port, heads, [Symbol.dispose]: () => void server.close() };
}

test("HTTPS goes through a CONNECT with the proxy's own login, and the certificate is the registry's", async () => {
  using folder = temporaryFolder();
  const made = certificate(folder.path, "registry.invalid");
  using registry = fakeRegistry({ tls: made.server });
  smallImage(registry);
  using proxy = await connectProxy(Number(registry.host.split(":")[1]));
  const env = { ...QUICK.env, HTTPS_PROXY: `http://ann:secret@127.0.0.1:${proxy.port}` };
  const from = source("registry.invalid/some/app:1", { env, certDir: made.caFolder });
  await from.resolve();
  await from.close();
  expect(proxy.heads[0]).toStartWith("CONNECT registry.invalid:443 HTTP/1.1\r\n");
  expect(proxy.heads[0]).toContain(`Basic ${btoa("ann:secret")}`);
  // what is for the proxy stays there
  expect(registry.requests.map(({ authorization }) => authorization)).toEqual([null]);
});

test("a proxy of the process does not count when the environment that was given has none", async () => {
  using registry = fakeRegistry();
  smallImage(registry);
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = "http://127.0.0.1:1";
  try {
    await source(`${registry.host}/some/app:1`).resolve();
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});
