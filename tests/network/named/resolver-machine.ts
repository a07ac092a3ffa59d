/**
 * Runs as root of a user, network and mount namespace of its own, whose /etc/resolv.conf names 127.0.0.9 (where nobody is) and 127.0.0.1:
 * serves names there, makes a network, and asks its resolver. Prints the answers as JSON. Started by resolver.test.ts.
 */
import { createNetwork, joinNamed } from "../../../src/network/named/index.ts";

/** A question of type A, and what is asked and answered with it as bytes. */
function question(name: string, id: number): Buffer {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

/** `CODE ADDRESS...`, with `wrong id` when the answer is somebody else's. */
function read(answer: Buffer, id: number): string {
  if (answer.readUInt16BE(0) !== id) return "wrong id";
  const count = answer.readUInt16BE(6);
  const records = Array.from({ length: count }, (_, i) =>
    answer
      .subarray(answer.length - 16 * (count - i))
      .subarray(12, 16)
      .join("."),
  );
  return [(answer[3] ?? 0) & 15, ...records].join(" ");
}

async function byUDP(server: string, name: string, id: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = await Bun.udpSocket({
    connect: { hostname: server, port: 53 },
    socket: { data: (_, bytes) => resolve(read(bytes, id)) },
  });
  socket.send(question(name, id));
  const timer = setTimeout(() => resolve("no answer"), 8000);
  const answer = await promise;
  clearTimeout(timer);
  socket.close();
  return answer;
}

async function byTCP(server: string, names: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let rest = Buffer.alloc(0);
  const socket = await Bun.connect({
    hostname: server,
    port: 53,
    socket: {
      data(_, bytes) {
        rest = Buffer.concat([rest, bytes]);
        while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
          const size = rest.readUInt16BE(0);
          answers.push(`${size} ${read(rest.subarray(2, 2 + size), answers.length + 1)}`);
          rest = rest.subarray(2 + size);
        }
        if (answers.length === names.length) resolve();
      },
      close: () => resolve(),
    },
  });
  for (const [i, name] of names.entries()) {
    const message = question(name, i + 1);
    const bytes = Buffer.concat([Buffer.from([0, message.length]), message]);
    // in two pieces
    socket.write(bytes.subarray(0, 5));
    await Bun.sleep(20);
    socket.write(bytes.subarray(5));
    await Bun.sleep(20);
  }
  const timer = setTimeout(resolve, 8000);
  await promise;
  clearTimeout(timer);
  socket.end();
  return answers;
}

if (process.argv[2] === "ask") {
  const [, , , gateway = "", ...names] = process.argv;
  const results: Record<string, unknown> = { tcp: await byTCP(gateway, ["web", "big.example", "small.example"]) };
  for (const name of names) results[name] = await byUDP(gateway, name, 0x1234);
  // more than the resolver asks on at the same time, of which none is lost that is answered at once
  const many = await Promise.all(Array.from({ length: 60 }, (_, i) => byUDP(gateway, `n${i}.example`, i + 1)));
  results.many = new Set(many).size === 1 ? many[0] : many;
  console.log(JSON.stringify(results));
  process.exit(0);
}

/** What the host's server says: an address for names below example, for `big` many. */
function serve(message: Buffer, isStream: boolean): Buffer {
  const name = message.toString("latin1", 13, 13 + (message[12] ?? 0));
  const count = name === "big" ? (isStream ? 300 : 0) : 1;
  const known = message.includes("example");
  const records = Array.from({ length: known ? count : 0 }, (_, i) => [
    0xc0,
    12,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    9,
    0,
    4,
    192,
    0,
    2,
    i % 256,
  ]);
  const answer = Buffer.concat([message, Buffer.from(records.flat())]);
  answer[2] = 0x81 | (name === "big" && !isStream ? 2 : 0);
  answer[3] = 0x80 | (known ? 0 : 3);
  answer.writeUInt16BE(records.length, 6);
  return answer;
}

const sent: number[] = [];
await Bun.udpSocket({
  hostname: "127.0.0.1",
  port: 53,
  socket: {
    data(socket, bytes, port, from) {
      sent.push(bytes.readUInt16BE(0));
      // a forged answer first: to the right port, with the wrong id
      const forged = serve(bytes, false);
      forged.writeUInt16BE(bytes.readUInt16BE(0) ^ 1, 0);
      socket.send(forged, port, from);
      socket.send(serve(bytes, false), port, from);
    },
  },
});
Bun.listen<{ rest: Buffer }>({
  hostname: "127.0.0.1",
  port: 53,
  socket: {
    open: (socket) => {
      socket.data = { rest: Buffer.alloc(0) };
    },
    data(socket, bytes) {
      let rest = Buffer.concat([socket.data.rest, bytes]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        const answer = serve(Buffer.from(rest.subarray(2, end)), true);
        const size = Buffer.alloc(2);
        size.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([size, answer]));
        rest = rest.subarray(end);
      }
      socket.data.rest = rest;
    },
  },
});

const [, , store = "", subnet = ""] = process.argv;
const network = createNetwork(store, {
  ...{ name: "net", gateway: undefined, ipRange: undefined, internal: process.argv[4] === "internal" },
  ...{ subnet, dnsEnabled: true, labels: {}, options: {} },
});
const mapping = { kind: "none", name: "identity", uids: [], gids: [] } as const;
const joined = await joinNamed(store, network, {
  ...{ endpoint: { network: "net", aliases: ["db"] }, id: "c".repeat(64), names: ["web"] },
  ...{ servers: [], several: false, mapping },
});
const inside = ["nsenter", `--net=/proc/${process.pid}/fd/${joined.connection.network}`];
const asker = Bun.spawn(
  [...inside, process.execPath, import.meta.path, "ask", network.gateway, ...process.argv.slice(5)],
  {
    stdout: "inherit",
    stderr: "inherit",
  },
);
await asker.exited;
console.error(new Set(sent).size > 50 ? "ids differ" : `ids: ${sent.join(" ")}`);
process.exit(0);
