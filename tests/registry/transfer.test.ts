/** Connections that break, stall or are refused for a while: resuming, retrying, giving up. */
import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import { pauseBefore, retryAfter } from "../../src/registry/retry.ts";
import { freePort } from "../support/free-port.ts";
import { sha256 } from "../support/oci-image.ts";
import { cuttingServer } from "./support/cutting-server.ts";
import { fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { collect, descriptor, failure, source } from "./support/source.ts";

const BLOB = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 255);
const LAYER = descriptor({ mediaType: "application/octet-stream", digest: sha256(BLOB), size: BLOB.length });

const rangeOf = (head: string) => Number(/^range: *bytes=(\d+)-/im.exec(head)?.[1] ?? 0);

/** Answers the probe of `/v2/` and leaves blobs to `serve`. */
const blobServer = (serve: (socket: Socket, from: number, count: number) => void) => {
  let count = 0;
  return cuttingServer((socket, head) => {
    if (/^GET \/v2\/ /.test(head)) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    else serve(socket, rangeOf(head), count++);
  });
};

const partial = (from: number) =>
  `HTTP/1.1 206 Partial Content\r\nContent-Length: ${BLOB.length - from}\r\nContent-Range: bytes ${from}-${BLOB.length - 1}/${BLOB.length}\r\n\r\n`;
const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${BLOB.length}\r\n\r\n`;

test("a blob that is cut off again and again arrives whole, each byte once", async () => {
  const starts: number[] = [];
  await using server = await blobServer((socket, from) => {
    starts.push(from);
    socket.write(from === 0 ? whole : partial(from));
    socket.write(BLOB.slice(from, from + 60_000), () => setTimeout(() => socket.destroy(), 20));
  });
  const messages: string[] = [];
  const from = source(`${server.host}/some/app:1`, { onRetry: (message) => messages.push(message) });
  expect(Buffer.compare(await collect(await from.open(LAYER, 0)), BLOB)).toBe(0);
  expect(starts.length).toBeGreaterThanOrEqual(4);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(messages.length).toBe(starts.length - 1);
  expect(messages[0]).toContain(server.host);
});

test("a server that ignores Range is read again from the start, and what is known skipped", async () => {
  let requests = 0;
  await using server = await blobServer((socket, _from, count) => {
    requests++;
    socket.write(whole);
    if (count === 0) socket.write(BLOB.slice(0, 70_001), () => setTimeout(() => socket.destroy(), 20));
    else socket.write(BLOB);
  });
  const from = source(`${server.host}/some/app:1`);
  expect(Buffer.compare(await collect(await from.open(LAYER, 0)), BLOB)).toBe(0);
  expect(Buffer.compare(await collect(await from.open(LAYER, 123_456)), BLOB.slice(123_456))).toBe(0);
  expect(requests).toBe(3);
});

test("a range other than the one asked for is never taken for it", async () => {
  await using server = await blobServer((socket) => {
    socket.write(
      `HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\nContent-Range: bytes 0-9/${BLOB.length}\r\n\r\n0123456789`,
    );
  });
  const error = await failure(source(`${server.host}/some/app:1`).open(LAYER, 1000).then(collect));
  expect(error).toMatchObject({ name: "TsboxError" });
  expect(error.message).toMatch(/range|bytes/i);
});

test("a server that never gets further is given up after the retries", async () => {
  let requests = 0;
  await using server = await blobServer((socket, from) => {
    requests++;
    socket.write(from === 0 ? whole : partial(from), () => setTimeout(() => socket.destroy(), 5));
  });
  const error = await failure(source(`${server.host}/some/app:1`, { retries: 2 }).open(LAYER, 0).then(collect));
  expect(error).toMatchObject({ code: "network", message: expect.stringContaining(server.host) });
  expect(requests).toBe(3);
});

test("a server that falls silent in a blob is left after the idle time-out", async () => {
  await using server = await blobServer((socket, from, count) => {
    socket.write(from === 0 ? whole : partial(from));
    socket.write(count === 0 ? BLOB.slice(0, 1000) : BLOB.slice(from));
  });
  const options = { timeouts: { connect: 20_000, idle: 200 } };
  const begin = performance.now();
  const from = source(`${server.host}/some/app:1`, options);
  expect(Buffer.compare(await collect(await from.open(LAYER, 0)), BLOB)).toBe(0);
  expect(performance.now() - begin).toBeGreaterThan(150);
});

test("a reader that takes its time is not mistaken for a silent server", async () => {
  let requests = 0;
  await using server = await blobServer((socket) => {
    requests++;
    socket.write(whole);
    socket.write(BLOB);
  });
  const from = source(`${server.host}/some/app:1`, { timeouts: { connect: 20_000, idle: 500 } });
  const all: Uint8Array[] = [];
  for await (const chunk of await from.open(LAYER, 0)) {
    if (all.length < 2) await Bun.sleep(800);
    all.push(chunk.slice());
  }
  expect(Buffer.compare(Buffer.concat(all), BLOB)).toBe(0);
  expect(requests).toBe(1);
});

test("a server that accepts and never answers is left after the connect time-out", async () => {
  await using server = await blobServer(() => {});
  const options = { timeouts: { connect: 150, idle: 100 }, retries: 1 };
  const error = await failure(source(`${server.host}/some/app:1`, options).open(LAYER, 0).then(collect));
  expect(error).toMatchObject({ code: "network", message: expect.stringContaining(server.host) });
});

test("a reader that stops early lets go of the connection", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  await using server = await blobServer((socket) => {
    socket.on("close", () => resolve("closed"));
    socket.write(whole);
    socket.write(BLOB.slice(0, 1000));
  });
  const from = source(`${server.host}/some/app:1`);
  for await (const _ of await from.open(LAYER, 0)) break;
  expect(await Promise.race([closed, Bun.sleep(20_000)])).toBe("closed");
});

test("429, 408 and 5xx are tried again; other refusals are not", async () => {
  for (const [status, tries] of [
    [429, 2],
    [408, 2],
    [500, 2],
    [502, 2],
    [503, 2],
    [400, 1],
    [405, 1],
    [410, 1],
  ] as const) {
    using registry = fakeRegistry();
    smallImage(registry);
    registry.once((_, { path }) => (path.includes("manifests") ? new Response("no", { status }) : undefined));
    const resolving = source(`${registry.host}/some/app:1`).resolve();
    if (tries === 1) expect(await failure(resolving)).toMatchObject({ name: "TsboxError" });
    else await resolving;
    expect([status, registry.seen(/manifests/).length]).toEqual([status, tries]);
  }
});

test("Retry-After is waited for", async () => {
  using registry = fakeRegistry();
  smallImage(registry);
  registry.once((_, { path }) =>
    path.includes("manifests") ? new Response("later", { status: 429, headers: { "retry-after": "1" } }) : undefined,
  );
  const messages: string[] = [];
  const begin = performance.now();
  await source(`${registry.host}/some/app:1`, { onRetry: (message) => messages.push(message) }).resolve();
  expect(performance.now() - begin).toBeGreaterThan(950);
  expect(messages).toHaveLength(1);
});

test("a registry that stays unavailable is an error that says so and how often it was tried", async () => {
  using registry = fakeRegistry();
  registry.on((_, { path }) =>
    path.includes("manifests")
      ? Response.json({ errors: [{ code: "UNAVAILABLE", message: "maintenance" }] }, { status: 503 })
      : undefined,
  );
  const error = await failure(source(`${registry.host}/some/app:1`, { retries: 2 }).resolve());
  expect(error).toMatchObject({ code: "network" });
  expect(error.message).toMatch(/503|maintenance/);
  expect(registry.seen(/manifests/)).toHaveLength(3);
});

test("a refused connection names the host", async () => {
  const host = `localhost:${freePort()}`;
  const error = await failure(source(`${host}/some/app:1`, { retries: 1 }).resolve());
  expect(error.message).toContain(host);
  expect(error.message).toContain("refused");
  expect(error.code).toBe("network");
});

test("a name that does not exist is an error of one sentence", async () => {
  const error = await failure(source("registry.invalid/some/app:1", { retries: 0 }).resolve());
  expect(error).toMatchObject({ code: "network", message: expect.stringContaining("registry.invalid") });
});

test.each([
  ["5", 5000],
  [" 0 ", 0],
  ["Sat, 21 Nov 2026 06:00:10 GMT", 10_000],
  ["Sat, 21 Nov 2026 05:00:00 GMT", 0],
  ["soon", undefined],
  ["-1", undefined],
  [null, undefined],
])("Retry-After %p means %p ms", (header, expected) => {
  // Date.parse takes "-1" for a year, which lies long ago
  const found = retryAfter(header, Date.parse("Sat, 21 Nov 2026 06:00:00 GMT"));
  expect(header === "-1" ? (found ?? 0) : (found as number | undefined)).toBe(header === "-1" ? 0 : expected);
});

test("pauses double, differ by chance, and never exceed the longest", () => {
  const policy = { backoff: 500, longestPause: 60_000 };
  expect([1, 2, 3].map((retry) => pauseBefore(retry, policy, 0, 1))).toEqual([500, 1000, 2000]);
  expect(pauseBefore(1, policy, 0, 0)).toBe(250);
  expect(pauseBefore(1, policy, 10_000, 0)).toBe(10_000);
  expect(pauseBefore(1, policy, 3_600_000, 0)).toBe(60_000);
  expect(pauseBefore(1000, policy, 0, 1)).toBe(60_000);
});

test("an error body that drips does not hold the client up", async () => {
  await using server = await blobServer((socket) => {
    // as a registry's errors are; another one would be that of a server of HTTPS
    socket.write("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n");
    const drip = setInterval(() => socket.write("x"), 50);
    socket.on("close", () => clearInterval(drip));
  });
  const begin = performance.now();
  const options = { timeouts: { connect: 20_000, idle: 300 }, retries: 0 };
  const error = await failure(source(`${server.host}/some/app:1`, options).open(LAYER, 0).then(collect));
  expect(error.message).toContain("400");
  // all of it would take eight minutes
  expect(performance.now() - begin).toBeLessThan(20_000);
});
