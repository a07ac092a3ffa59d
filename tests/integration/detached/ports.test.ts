/** Published ports of containers that stay, asked by real clients on the host. */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { busybox } from "../../support/busybox-image.ts";
import { freePort, freePorts } from "../../support/free-port.ts";
import { accessible, executable, program, requires, userNamespaces } from "../../support/skip.ts";
import { Host, isProcess, until } from "./host.ts";

/** A server for each way: busybox has none for UDP, so the host's perl, which every Debian has, is lent to the container. */
const ECHO = `use IO::Socket::INET; $s = IO::Socket::INET->new(LocalPort => $ARGV[0], Proto => "udp") or die $!; while (defined $s->recv($d, 65536)) { $s->send("echo $d") }`;
const SERVE = "mkdir -p /w; echo hello > /w/index.html; for p in 80 8000 8001 8002; do httpd -p $p -h /w; done";
const PERL = ["/usr", "/lib", "/lib64"].flatMap((folder) => ["-v", `${folder}:${folder}:ro`]);

/** An address of the host that is not its loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

function curl(address: string, port: number, ...flags: string[]) {
  // a helper accepts before the server listens: that is tried again
  const patience = ["--retry", "50", "--retry-delay", "0", "--retry-max-time", "10", "--retry-all-errors"];
  const command = ["curl", "-sS", "--max-time", "5", ...(flags.length > 0 ? flags : patience)];
  const { exitCode, stdout } = Bun.spawnSync([...command, `http://${address}:${port}/`]);
  return { exitCode, text: stdout.toString() };
}

/** What comes back, of several datagrams: the first may be before the server. */
async function askUDP(hostname: string, port: number, tries = 50): Promise<string | undefined> {
  const answer = Promise.withResolvers<string>();
  const socket = await Bun.udpSocket({
    connect: { hostname, port },
    socket: { data: (_, data) => answer.resolve(data.toString()), error: () => {} },
  });
  try {
    for (let i = 0; i < tries; i++) {
      socket.send("hi");
      const text = await Promise.race([answer.promise, Bun.sleep(100)]);
      if (typeof text === "string") return text;
    }
    return undefined;
  } finally {
    socket.close();
  }
}

/** Pids of the processes with this parent. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
      } catch {
        return false;
      }
    });
}

/** What a program that is gone had started. */
const allGone = (pids: readonly number[]) => () => !pids.some(isProcess);

for (const network of ["pasta", "slirp4netns"]) {
  const it = requires(
    executable,
    busybox,
    program(network),
    accessible("/dev/net/tun"),
    program("curl"),
    userNamespaces,
  );
  const start = async (host: Host) => {
    // Debian 12's pasta loses UDP answers unless both ports are the same; slirp4netns loses those to the host's loopback
    const ports = { all: freePort(), local: freePort(), udp: freePort() };
    // three, and the one before them, which a test asks for
    const range = freePorts(4) + 1;
    const publish = [
      `${ports.all}:80`,
      `127.0.0.1:${ports.local}:80`,
      `127.0.0.1:${range}-${range + 2}:8000-8002`,
      `${ports.udp}:${ports.udp}/udp`,
    ].flatMap((port) => ["-p", port]);
    const script = `${SERVE}; exec perl -e '${ECHO}' ${ports.udp}`;
    const flags = ["-d", `--network=${network}`, "--name", "box", ...PERL, ...publish];
    await host.ok(["run", ...flags, host.image, "sh", "-c", script]);
    return { ...ports, range };
  };
  const udpAddress = network === "pasta" ? "127.0.0.1" : outside;

  describe(network, () => {
    it("curl and UDP reach what is published, where it is, before and after a restart", async () => {
      using host = new Host();
      const ports = await start(host);
      const check = async () => {
        for (const port of [ports.all, ports.local, ports.range, ports.range + 2])
          expect(curl("127.0.0.1", port)).toEqual({ exitCode: 0, text: "hello\n" });
        if (udpAddress !== undefined) expect(await askUDP(udpAddress, ports.udp)).toBe("echo hi");
        if (outside === undefined) return;
        expect(curl(outside, ports.all).text).toBe("hello\n");
        // refused: 7
        expect(curl(outside, ports.local, "--retry", "0").exitCode).toBe(7);
      };
      await check();
      expect(await host.ok(["port", "box", "8001"])).toBe(`127.0.0.1:${ports.range + 1}\n`);
      await host.ok(["restart", "-t", "0", "box"]);
      await check();
      await host.ok(["stop", "-t", "0", "box"]);
      expect(curl("127.0.0.1", ports.all, "--retry", "0").exitCode).toBe(7);
      await host.ok(["start", "box"]);
      await check();
    });

    it("its processes end with the container, also when its monitor is killed, which can be started at once again", async () => {
      using host = new Host();
      const ports = await start(host);
      const helpers = () => {
        const pids = childrenOf(host.monitor("box"));
        // the container's first process, and at least the network's
        expect(pids.length).toBeGreaterThan(1);
        return pids;
      };
      const first = helpers();
      await host.ok(["kill", "box"]);
      await host.ok(["wait", "box"]);
      await until("they have ended", allGone(first));
      await host.ok(["start", "box"]);
      const second = helpers();
      const monitor = host.monitor("box");
      process.kill(monitor, "SIGKILL");
      // the container itself may be there a moment longer
      await until("it is killed", () => !isProcess(monitor));
      await host.ok(["start", "box"]);
      await until("they have ended", allGone(second));
      expect(curl("127.0.0.1", ports.all).text).toBe("hello\n");
      const third = helpers();
      await host.ok(["rm", "-f", "box"]);
      await until("they have ended", allGone(third));
      expect(curl("127.0.0.1", ports.all, "--retry", "0").exitCode).toBe(7);
    });

    it("a port that is in use is one clear error, and nothing is left", async () => {
      using host = new Host();
      const ports = await start(host);
      const taken = [
        [`${ports.all}:80`, `0.0.0.0:${ports.all}/tcp`],
        [`${ports.udp}:53/udp`, `0.0.0.0:${ports.udp}/udp`],
        [`127.0.0.1:${ports.range - 1}-${ports.range}:80-81`, `127.0.0.1:${ports.range}/tcp`],
      ] as const;
      const before = host.containers();
      for (const [port, where] of taken)
        for (const flags of [["--rm"], []])
          expect(
            await host.run([
              "run",
              "-d",
              ...flags,
              "--name",
              "two",
              `--network=${network}`,
              "-p",
              port,
              host.image,
              "true",
            ]),
          ).toEqual({ exitCode: 125, stdout: "", stderr: `tsbox: cannot publish ${where}: the port is in use\n` });
      expect(host.containers()).toEqual(before);
      expect(await host.ok(["ps", "-a", "--format", "{{.Names}}"])).toBe("box\n");
      // the one that has it does not know of the attempts
      expect(curl("127.0.0.1", ports.all).text).toBe("hello\n");
    });
  });
}
