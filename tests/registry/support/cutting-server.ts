/** A server that speaks HTTP by hand, because a proper one cannot be made to cut its own answers short. */
import { createServer, type Socket } from "node:net";

export type CuttingServer = AsyncDisposable & { readonly host: string; readonly requests: string[] };

/** @param answer writes whatever it likes to the socket; gets the head of the request and how many came before */
export async function cuttingServer(
  answer: (socket: Socket, head: string, count: number) => void,
): Promise<CuttingServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let head = "";
    socket.on("error", () => {}); // the client hanging up is part of the tests
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      head += data.toString("latin1");
      if (!/^[A-Z]+ \//.test(head)) return void socket.destroy(); // a TLS greeting
      if (!head.includes("\r\n\r\n")) return;
      const count = requests.push(head) - 1;
      const whole = head;
      head = "";
      answer(socket, whole, count);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return {
    host: `localhost:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
