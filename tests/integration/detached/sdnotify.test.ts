/** What `--sdnotify` tells whoever listens on NOTIFY_SOCKET, as systemd does. */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, program, requires, userNamespaces } from "../../support/skip.ts";
import { Host, isProcess, until } from "./host.ts";

const test = requires(program("python3"), executable, busybox, userNamespaces);

/** Prints the datagrams that come in, each with the sender's pid, as lines of JSON. */
const LISTENER = `
import json, socket, struct, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print(flush=True)
while True:
    data, control, _, _ = s.recvmsg(4096, 100)
    pid = struct.unpack("3i", control[0][2])[0] if control else 0
    print(json.dumps({"pid": pid, "text": data.decode()}), flush=True)
`;

interface Said {
  readonly pid: number;
  readonly text: string;
}

class Listener implements Disposable {
  readonly #child;
  #text = "";

  constructor(name: string) {
    this.#child = Bun.spawn(["python3", "-c", LISTENER, name], { stdout: "pipe", stderr: "inherit" });
    void this.#read(this.#child.stdout);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.#text += new TextDecoder().decode(chunk);
  }

  /** Waits for so many messages; 0: until it listens. */
  async said(count: number, milliseconds = 20_000): Promise<Said[]> {
    const lines = () => this.#text.split("\n").slice(0, -1);
    for (const deadline = Date.now() + milliseconds; lines().length < count + 1 && Date.now() < deadline; )
      await Bun.sleep(20);
    return lines()
      .slice(1)
      .map((line) => JSON.parse(line) as Said); // cast: written above
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

interface Use {
  readonly host: Host;
  readonly listener: Listener;
  run(...args: string[]): ReturnType<Host["run"]>;
}

async function withListener(name: (host: Host) => string, body: (use: Use) => Promise<void>): Promise<void> {
  using host = new Host();
  const socket = name(host);
  using listener = new Listener(socket);
  await listener.said(0);
  const run = (...args: string[]) => host.run(["run", "--network=none", ...args], { env: { NOTIFY_SOCKET: socket } });
  await body({ host, listener, run });
}

/** Sends a datagram of one's own. */
async function say(socket: string, text: string): Promise<void> {
  const script =
    "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), sys.argv[1])";
  expect(await Bun.spawn(["python3", "-c", script, socket, text]).exited).toBe(0);
}

const inHome = (host: Host) => `${host.home}/notify`;
const abstract = (host: Host) => `@tsbox-test${host.home}`;
const monitorOf = ({ text }: Said) => Number(/^MAINPID=(\d+)$/m.exec(text)?.[1]);

describe("--sdnotify", () => {
  for (const [kind, name] of [
    ["a socket in the file system", inHome],
    ["an abstract socket", abstract],
  ] as const)
    test(`run -d tells of the monitor, over ${kind}`, async () => {
      await withListener(name, async ({ host, listener, run }) => {
        const { exitCode } = await run("-d", "--name=box", host.image, "sleep", "100");
        expect(exitCode).toBe(0);
        const [said, ...more] = await listener.said(1);
        if (said === undefined) throw new Error("nobody said anything");
        expect(said.text).toBe(`MAINPID=${said.pid}\nREADY=1`);
        expect(more).toEqual([]);
        // the process that outlives the command, and not the container's
        expect(readFileSync(`/proc/${said.pid}/comm`, "utf8")).toBe("memfd:tsbox\n");
        await host.run(["rm", "-f", "box"]);
        await until("the monitor ends", () => !isProcess(said.pid));
      });
    });

  test("before the command has ended, systemd has been told", async () => {
    await withListener(inHome, async ({ host, listener }) => {
      const env = { NOTIFY_SOCKET: `${host.home}/notify` };
      await host.run(["create", "--name=box", "--network=none", host.image, "sleep", "100"]);
      for (let round = 1; round <= 5; round++) {
        await host.run(["start", "box"], { env });
        // what was sent before this comes before this
        await say(env.NOTIFY_SOCKET, "the command has ended");
        const texts = (await listener.said(2 * round)).map(({ text }) => text);
        expect(texts.slice(-2)).toEqual([expect.stringContaining("READY=1"), "the command has ended"]);
        await host.run(["stop", "-t", "0", "box"], { env });
      }
    });
  });

  test("in the foreground it is the process itself", async () => {
    await withListener(inHome, async ({ host, listener, run }) => {
      const { stdout } = await run("--rm", "--name=box", host.image, "sh", "-c", 'echo "<$NOTIFY_SOCKET>"');
      expect(stdout).toBe("<>\n");
      const [said] = await listener.said(1);
      expect(said?.text).toBe(`MAINPID=${said?.pid}\nREADY=1`);
    });
  });

  test("ignore says nothing", async () => {
    await withListener(inHome, async ({ host, listener, run }) => {
      await run("-d", "--name=box", "--sdnotify=ignore", host.image, "sleep", "100");
      expect(await listener.said(1, 500)).toEqual([]);
    });
  });

  test("healthy says so when it is", async () => {
    await withListener(inHome, async ({ host, listener, run }) => {
      const health = ["--health-cmd=test -e /well", "--health-interval=200ms", "--sdnotify=healthy"];
      await run("-d", "--name=box", ...health, host.image, "sleep", "100");
      await listener.said(1);
      const first = await listener.said(2, 1500);
      expect(first.map(({ text }) => text)).toEqual([`MAINPID=${first[0]?.pid}`]);
      await host.run(["exec", "box", "touch", "/well"]);
      const both = await listener.said(2);
      expect(both[1]).toEqual({ pid: both[0]?.pid ?? 0, text: "READY=1" });
      // once: not with each check
      expect(await listener.said(3, 1000)).toHaveLength(2);
    });
  });

  test("healthy without a health check is an error", async () => {
    await withListener(inHome, async ({ host, run }) => {
      const { exitCode, stderr } = await run("-d", "--name=box", "--sdnotify=healthy", host.image, "true");
      expect(exitCode).toBe(125);
      expect(stderr).toContain("cannot use --sdnotify=healthy");
    });
  });

  test("container leaves it to the program, which finds the socket", async () => {
    await withListener(inHome, async ({ host, listener, run }) => {
      const script = 'echo "$NOTIFY_SOCKET"; ls -l $NOTIFY_SOCKET | cut -c1; sleep 100';
      await run("-d", "--name=box", "--sdnotify=container", "--read-only", host.image, "sh", "-c", script);
      await listener.said(1);
      const [said, ...more] = await listener.said(2, 500);
      expect(said?.text).toBe(`MAINPID=${said?.pid}`);
      expect(more).toEqual([]);
      expect(monitorOf(said ?? { pid: 0, text: "" })).toBe(said?.pid ?? 0);
      const written = "/run/notify/notify.sock\ns\n";
      await until("the program has looked at it", async () => (await host.ok(["logs", "box"])) === written);
    });
  });

  test("a socket that nobody listens on any more changes nothing", async () => {
    using host = new Host();
    const { exitCode, stdout } = await host.run(["run", "--rm", "--network=none", host.image, "echo", "hello"], {
      env: { NOTIFY_SOCKET: `${host.home}/gone` },
    });
    expect(stdout).toBe("hello\n");
    expect(exitCode).toBe(0);
  });
});
