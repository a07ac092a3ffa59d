/** The two helper programs, really started beside a process with namespaces of its own. */
import { describe, expect } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync, readlinkSync } from "node:fs";
import {
  type HelperProcess,
  type NetworkOptions,
  type NetworkSetup,
  parseNetwork,
  parsePublish,
  publishWithSlirp,
  setUpNetwork,
} from "../../src/network/index.ts";
import { PASTA_DNS } from "../../src/network/pasta.ts";
import { freePort } from "../support/free-port.ts";
import { accessible, program, requires, unprivileged, userNamespaces } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

const BUN = process.execPath;

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (condition()) return;
    await Bun.sleep(10);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** A process in a new user and network namespace; what the container's first process is to the helper. */
async function namespace() {
  const holder = Bun.spawn(["unshare", "--user", "--map-root-user", "--net", "sleep", "60"]);
  const link = (pid: number | "self") => readlinkSync(`/proc/${pid}/ns/net`);
  await until(() => existsSync(`/proc/${holder.pid}/ns/net`) && link(holder.pid) !== link("self"), "the namespace");
  return {
    pid: holder.pid,
    /** Runs a program in there. */
    spawn: (...argv: string[]) =>
      Bun.spawn(["nsenter", "--user", "--net", "--preserve-credentials", "-t", `${holder.pid}`, ...argv], {
        stderr: "inherit",
      }),
    async [Symbol.asyncDispose]() {
      holder.kill("SIGKILL");
      await holder.exited;
    },
  };
}

/** An answer, or that there is none: an answer that is to come is waited for longer than one that is not. */
const withPatience = (answer: Promise<string>, expected: boolean) =>
  Promise.race([answer, Bun.sleep(expected ? 30_000 : 3000).then(() => "failed: no answer")]);

/** Starts a helper as the supervisor does, except that its readiness goes to a file or, for pasta, to a pipe of the shell's. */
async function start(helper: HelperProcess, pid: number, folder: string) {
  const argv = helper.argv.map((word) => (word === "\x01" ? String(pid) : word));
  if (helper.readyFD === 3) {
    const ready = openSync(`${folder}/ready`, "w");
    const log = openSync(`${folder}/log`, "w");
    const child = Bun.spawn(argv, { env: {}, stdio: ["ignore", log, log, ready] });
    for (const fd of [ready, log]) closeSync(fd);
    await until(() => child.exitCode !== null || readFileSync(`${folder}/ready`, "utf8") === "1", "slirp4netns");
    return { child, pid: child.pid, log: () => readFileSync(`${folder}/log`, "utf8") };
  }
  // Bun's pipes are sockets; the shell makes a real one
  const child = Bun.spawn(["sh", "-c", '"$@" 2>"$0" | cat', `${folder}/log`, ...argv], {
    env: { PATH: "/usr/bin:/bin" },
    stderr: "ignore",
  });
  const { value } = await child.stdout.getReader().read();
  return { child, pid: Number(new TextDecoder().decode(value)), log: () => readFileSync(`${folder}/log`, "utf8") };
}

function running(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

async function plan(
  network: string,
  folder: string,
  options: Partial<NetworkOptions> = {},
): Promise<NetworkSetup & { helper: HelperProcess }> {
  const setup = await setUpNetwork({
    mode: parseNetwork(network),
    hostname: "box",
    runtimeFolder: folder,
    userNamespace: true,
    ...options,
  });
  if (setup.helper === undefined) throw new Error("no helper was planned");
  return { ...setup, helper: setup.helper };
}

/** An HTTP server in the namespace on a port, that says hello. */
async function serve(inside: Awaited<ReturnType<typeof namespace>>, port: number) {
  const script = `Bun.serve({port: ${port}, hostname: "0.0.0.0", fetch: () => new Response("hello from inside")}); console.log("up")`;
  const server = inside.spawn(BUN, "-e", script);
  await server.stdout.getReader().read();
  return server;
}

const fetchInside = async (inside: Awaited<ReturnType<typeof namespace>>, url: string) => {
  const script = `console.log(await fetch(${JSON.stringify(url)}).then((r) => r.text(), (e) => "failed " + e.code))`;
  return (await new Response(inside.spawn(BUN, "-e", script).stdout).text()).trim();
};

async function addresses(inside: Awaited<ReturnType<typeof namespace>>): Promise<string> {
  const script = 'console.log(Object.values(require("os").networkInterfaces()).flat().map((a) => a.address).join(" "))';
  return (await new Response(inside.spawn(BUN, "-e", script).stdout).text()).trim();
}

/** The host's IPv4 gateway, little-endian hexadecimal in /proc/net/route. */
function gateway(): string | undefined {
  const row = readFileSync("/proc/net/route", "utf8")
    .split("\n")
    .map((line) => line.split("\t"))
    .find(([, destination]) => destination === "00000000");
  const hex = row?.[2];
  return hex === undefined
    ? undefined
    : (hex.match(/../g) ?? [])
        .reverse()
        .map((byte) => Number.parseInt(byte, 16))
        .join(".");
}

const hasRoute = { what: "a default route on the host", met: () => gateway() !== undefined, inCI: true };
const common = [program("unshare"), program("nsenter"), userNamespaces, accessible("/dev/net/tun"), unprivileged];

describe("pasta", () => {
  const test = requires(program("pasta"), ...common, hasRoute);

  test("configures the namespace, then says that it is ready", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const { helper, files } = await plan("pasta", folder.path);
    const { pid } = await start(helper, inside.pid, folder.path);
    expect(running(pid)).toBe(true);
    // the address is there the moment the byte is: nothing is waited for
    expect(await addresses(inside)).toMatch(/\d+\.\d+\.\d+\.\d+/);
    expect(files?.resolvConf).toStartWith(`nameserver ${PASTA_DNS}\n`);
    process.kill(pid, "SIGKILL");
  });
  test("publishes a port on the address asked for", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const { helper, ports } = await plan("pasta", folder.path, { publish: [parsePublish("127.0.0.1::8000")] });
    const { pid } = await start(helper, inside.pid, folder.path);
    const server = await serve(inside, 8000);
    const answer = await fetch(`http://127.0.0.1:${ports[0]?.hostPort}/`);
    expect(await answer.text()).toBe("hello from inside");
    server.kill();
    process.kill(pid, "SIGKILL");
  });
  test("reaches the host's loopback only with --map-gw", async () => {
    using folder = temporaryFolder();
    using host = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("hello from the host"),
    });
    const url = `http://${gateway()}:${host.port}/`;
    const results: string[] = [];
    for (const network of ["pasta:--map-gw", "pasta"]) {
      await using inside = await namespace();
      const { helper } = await plan(network, folder.path);
      const { pid } = await start(helper, inside.pid, folder.path);
      results.push(await withPatience(fetchInside(inside, url), results.length === 0));
      process.kill(pid, "SIGKILL");
    }
    expect(results[0]).toBe("hello from the host");
    expect(results[1]).toStartWith("failed");
  });
  test("ends without a word when a port is taken after it was found free, and the log says which", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const port = await freePort();
    const { helper } = await plan("pasta", folder.path, { publish: [parsePublish(`127.0.0.1:${port}:80`)] });
    using taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const { child, pid, log } = await start(helper, inside.pid, folder.path);
    expect(pid).toBe(0);
    expect(await child.exited).toBe(0); // the shell's cat; pasta's end is the end of file
    expect(log()).toContain(String(taken.port));
  });
  test("refuses a socket as the way to say that it is ready, which is why that is a pipe", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const { helper } = await plan("pasta", folder.path);
    const argv = helper.argv.map((word) => (word === "\x01" ? String(inside.pid) : word));
    const child = Bun.spawn(argv, { env: {}, stdio: ["ignore", "pipe", "pipe"] });
    expect(await child.exited).not.toBe(0);
  });
});

describe("slirp4netns", () => {
  const test = requires(program("slirp4netns"), ...common);

  test("configures the namespace with the addresses that the files name", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const { helper, files } = await plan("slirp4netns:cidr=10.77.0.0/24", folder.path);
    const { child } = await start(helper, inside.pid, folder.path);
    expect(await addresses(inside)).toContain("10.77.0.100");
    expect(files?.hosts).toContain("10.77.0.100\tbox");
    expect(files?.resolvConf).toStartWith("nameserver 10.77.0.3\n");
    child.kill("SIGKILL");
  });
  test("publishes ports through its socket, and says so when one is taken", async () => {
    using folder = temporaryFolder();
    await using inside = await namespace();
    const setup = await plan("slirp4netns", folder.path, { publish: [parsePublish("127.0.0.1::8000")] });
    const { child } = await start(setup.helper, inside.pid, folder.path);
    const { apiSocket = "", guest = "" } = setup.slirpPorts ?? {};
    await publishWithSlirp(apiSocket, setup.ports, guest);
    const server = await serve(inside, 8000);
    expect(await (await fetch(`http://127.0.0.1:${setup.ports[0]?.hostPort}/`)).text()).toBe("hello from inside");
    await expect(publishWithSlirp(apiSocket, setup.ports, guest)).rejects.toThrow(
      `cannot publish 127.0.0.1:${setup.ports[0]?.hostPort}/tcp: slirp4netns says`,
    );
    server.kill();
    child.kill("SIGKILL");
  });
  test("reaches the host's loopback only when that is allowed", async () => {
    using folder = temporaryFolder();
    using host = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("hello from the host"),
    });
    const results: string[] = [];
    for (const network of ["slirp4netns:allow_host_loopback=true", "slirp4netns"]) {
      await using inside = await namespace();
      const { helper } = await plan(network, folder.path);
      const { child } = await start(helper, inside.pid, folder.path);
      results.push(await withPatience(fetchInside(inside, `http://10.0.2.2:${host.port}/`), results.length === 0));
      child.kill("SIGKILL");
    }
    expect(results[0]).toBe("hello from the host");
    expect(results[1]).toStartWith("failed");
  });
});

describe("either helper", () => {
  for (const name of ["pasta", "slirp4netns"] as const) {
    const test = requires(program(name), program("setpriv"), ...common);
    test(`${name} dies with a supervisor that is killed`, async () => {
      using folder = temporaryFolder();
      await using inside = await namespace();
      const { helper } = await plan(name, folder.path);
      const argv = helper.argv.map((word) => (word === "\x01" ? String(inside.pid) : word)) as [string, ...string[]];
      // a shell that stays the parent, with a real pipe on the helper's descriptor
      const fd = helper.readyFD === 1 ? "2>/dev/null" : "3>&1 >/dev/null 2>&1";
      const script = `{ setpriv --pdeathsig KILL "$@" ${fd} & echo $! >&9; wait; } | { head -c1 >/dev/null; echo ready >&9; cat; }`;
      const out = openSync(`${folder.path}/out`, "w");
      const shell = Bun.spawn(["bash", "-c", `exec 9>&1; ${script}`, "sh", ...argv], {
        stdio: ["ignore", out, "inherit"],
      });
      const text = () => readFileSync(`${folder.path}/out`, "utf8");
      await until(() => text().includes("ready"), name);
      const pid = Number(text().split("\n")[0]);
      const parent = Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
      expect(running(pid)).toBe(true);
      process.kill(parent, "SIGKILL");
      await until(() => !running(pid), "the helper's end");
      shell.kill("SIGKILL");
      closeSync(out);
    });
  }
});
