/** Publishing ports through slirp4netns's API socket: slirp4netns(1), "API socket". */
import { TsboxError } from "../error.ts";
import { exists } from "../linux/read-text.ts";
import type { BoundPort } from "./ports.ts";

const SOCKET_TIMEOUT_MS = 2000;

/** One request and answer in JSON; slirp4netns takes one per connection. */
function request(socketPath: string, body: unknown): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  const connection = Bun.connect({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.write(JSON.stringify(body));
        // the end of the request is told by closing this side
        socket.shutdown();
      },
      data(_socket, bytes) {
        answer += bytes.toString();
      },
      close() {
        resolve(answer);
      },
      error(_socket, error) {
        reject(error);
      },
    },
  });
  connection.catch(reject);
  return promise;
}

/** slirp4netns says that it is ready before it has made the socket (slirp4netns(1), --ready-fd); so wait for it. */
async function waitForSocket(path: string): Promise<void> {
  const end = performance.now() + SOCKET_TIMEOUT_MS;
  while (!exists(path) && performance.now() < end) await Bun.sleep(2);
}

/**
 * Asks a running slirp4netns to forward the ports. To be called when it has said that it is ready.
 *
 * @param guest the container's address
 * @throws TsboxError `busy` when a port is taken, `network` when slirp4netns does not answer
 */
export async function publishWithSlirp(socketPath: string, ports: readonly BoundPort[], guest: string): Promise<void> {
  await waitForSocket(socketPath);
  for (const port of ports) {
    for (let i = 0; i < port.count; i++) {
      const [hostPort, guestPort] = [port.hostPort + i, port.containerPort + i];
      const body = {
        execute: "add_hostfwd",
        arguments: {
          proto: port.protocol,
          host_addr: port.hostIP ?? "0.0.0.0",
          host_port: hostPort,
          guest_addr: guest,
          guest_port: guestPort,
        },
      };
      await publish(socketPath, `${body.arguments.host_addr}:${hostPort}/${port.protocol}`, body);
    }
  }
}

async function publish(socketPath: string, what: string, body: unknown): Promise<void> {
  let answer: { error?: { desc?: unknown } };
  try {
    answer = JSON.parse(await request(socketPath, body));
  } catch (cause) {
    throw new TsboxError("network", `cannot publish ${what}: slirp4netns does not answer at ${socketPath}`, { cause });
  }
  if (answer.error !== undefined) {
    const reason = String(answer.error.desc ?? "no reason given");
    throw new TsboxError("busy", `cannot publish ${what}: slirp4netns says '${reason}'; is the port in use?`);
  }
}
