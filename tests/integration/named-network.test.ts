/** Named networks: containers that find each other by name, and the outside. */
import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { busybox } from "../support/busybox-image.ts";
import { freePort } from "../support/free-port.ts";
import { accessible, executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { Host, isProcess, until } from "./detached/host.ts";

const test = requires(
  executable,
  busybox,
  userNamespaces,
  subordinateIds,
  program("pasta"),
  accessible("/dev/net/tun"),
);

const sh = (script: string) => ["sh", "-c", script];
/** Serves its own name. */
const SERVER = sh("mkdir /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www");

class Net extends Host {
  async create(...args: string[]): Promise<string> {
    return (await this.ok(["network", "create", ...args])).trim();
  }

  /** `run -d` with a network, when its server answers. */
  async serve(network: string, name: string, ...flags: string[]): Promise<void> {
    const place = network === "" ? [] : ["--network", network];
    await this.ok(["run", "-d", "--name", name, "--hostname", name, ...place, ...flags, this.image, ...SERVER]);
    await until(
      `${name} serves`,
      async () => (await this.run(["exec", name, "wget", "-qO-", "127.0.0.1"])).exitCode === 0,
    );
  }

  /** Standard output of a container in the network. */
  async ask(network: string, script: string, ...flags: string[]): Promise<string> {
    return await this.ok(["run", "--rm", "--network", network, ...flags, this.image, ...sh(script)]);
  }

  /** pid of the first process; 0 before it is there. */
  runningPid(name: string): number {
    const pid = existsSync(`${this.container(name)}/started.json`) ? this.pid(name) : 0;
    return pid !== 0 && isProcess(pid) ? pid : 0;
  }

  async addresses(network: string): Promise<Record<string, string>> {
    const [found] = JSON.parse(await this.ok(["network", "inspect", network]));
    const members: { Name: string; IPv4Address: string }[] = Object.values(found.Containers);
    return Object.fromEntries(members.map(({ Name, IPv4Address }) => [Name, IPv4Address]));
  }
}

/** pids of all hubs that this user may see: who listens on a socket of that name. */
function hubs(): number[] {
  const sockets = new Set(
    readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => line.endsWith(" hub"))
      .map((line) => `socket:[${line.trim().split(/\s+/)[6]}]`),
  );
  return readdirSync("/proc").flatMap((name) => {
    try {
      const files = /^\d+$/.test(name) ? readdirSync(`/proc/${name}/fd`) : [];
      const listens = files.some((file) => sockets.has(readlinkSync(`/proc/${name}/fd/${file}`)));
      // a member holds the other end, which has no name
      return listens && isProcess(Number(name)) ? [Number(name)] : [];
    } catch {
      return []; // it has ended, or is somebody else's
    }
  });
}

describe("containers of a network", () => {
  test("find each other by name, alias and short id, and by nothing else", async () => {
    using host = new Net();
    await host.create("web");
    await host.serve("web", "b", "--network-alias", "db");
    const id = (await host.ok(["ps", "-q", "--filter", "name=b"])).trim();
    for (const name of ["b", "B", "db", id, "b.tsbox.internal"])
      expect(await host.ask("web", `wget -qO- ${name}`)).toBe("b\n");
    expect(await host.ask("web", "nslookup nobody.tsbox.internal || true")).toContain("NXDOMAIN");
    const { b = "" } = await host.addresses("web");
    expect(await host.ask("web", `nslookup ${b.split("/")[0]}`)).toContain("name = b");
  });

  test("know the address of their own, which hosts and the network's inspect have", async () => {
    using host = new Net();
    await host.create("web", "--subnet", "10.213.7.0/24");
    await host.serve("web", "b", "--ip", "10.213.7.50", "--mac-address", "92:d0:c6:0a:29:33");
    expect(await host.ok(["exec", "b", ...sh("cat /etc/hosts; ip -o link show eth0")])).toMatch(
      /^10\.213\.7\.50\tb$[\s\S]*link\/ether 92:d0:c6:0a:29:33 /m,
    );
    expect(await host.addresses("web")).toEqual({ b: "10.213.7.50/24" });
    expect(await host.ask("web", "cat /etc/resolv.conf")).toMatch(
      /^nameserver 10\.213\.7\.1\nsearch tsbox\.internal\b/,
    );
  });

  test("do not reach those of another network, and one of both reaches both", async () => {
    using host = new Net();
    await host.create("one");
    await host.create("two");
    await host.serve("one", "a");
    await host.serve("two", "b");
    const both = ["run", "--rm", "--network", "one", "--network", "two", host.image, ...sh("wget -qO- a; wget -qO- b")];
    expect(await host.ok(both)).toBe("a\nb\n");
    expect(await host.ask("one", "wget -qO- a.tsbox.internal; nslookup b.tsbox.internal || true")).toMatch(
      /^a\n[\s\S]*NXDOMAIN/,
    );
    const { b = "" } = await host.addresses("two");
    // by its address neither: what is not of the network goes to the host's, which has no way there
    const script = `timeout 2 wget -qO- http://${b.split("/")[0]}/ || true`;
    expect(await host.ask("one", script)).not.toContain("b\n");
    // and it is there, for one of its own
    expect(await host.ask("two", script)).toBe("b\n");
  });

  test("an address is one container's; one outside of the subnet, and the network's own, are nobody's", async () => {
    using host = new Net();
    await host.create("web", "--subnet", "10.213.7.0/24");
    await host.serve("web", "b", "--ip", "10.213.7.50");
    const other = (ip: string) => host.run(["run", "--rm", "--network", "web", "--ip", ip, host.image, "true"]);
    expect(await other("10.213.7.50")).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("the container b has the address 10.213.7.50"),
    });
    expect((await other("10.213.7.1")).stderr).toContain("is the address of its gateway");
    expect((await other("10.213.8.1")).stderr).toContain("is not an address of 10.213.7.0/24");
    expect((await other("10.213.7.255")).exitCode).toBe(125);
    await host.ok(["rm", "-f", "b"]);
    expect((await other("10.213.7.50")).exitCode).toBe(0);
  });

  test("many that start at once get an address each", async () => {
    using host = new Net();
    await host.create("web");
    const names = Array.from({ length: 8 }, (_, i) => `c${i}`);
    await Promise.all(
      names.map((name) => host.ok(["run", "-d", "--name", name, "--network", "web", host.image, "sleep", "1000"])),
    );
    const addresses = Object.values(await host.addresses("web"));
    expect(new Set(addresses).size).toBe(names.length);
  });

  test("a container is in it again, and found by its name, when it is started again", async () => {
    using host = new Net();
    await host.create("web");
    await host.serve("web", "b");
    await host.serve("web", "c");
    await host.ok(["restart", "-t", "0", "b"]);
    await until("b serves", async () => (await host.run(["exec", "c", "wget", "-qO-", "b"])).stdout === "b\n");
    expect(Object.keys(await host.addresses("web")).sort()).toEqual(["b", "c"]);
    await host.ok(["stop", "-t", "0", "b"]);
    expect(await host.ok(["exec", "c", ...sh("nslookup b.tsbox.internal || true")])).toContain("NXDOMAIN");
  });

  test("a container with a restart policy keeps its address when it is started again, with its first client still there", async () => {
    using host = new Net();
    await host.create("web", "--subnet", "10.213.7.0/24");
    await host.ok([
      "create",
      "--name",
      "b",
      "--network",
      "web",
      "--ip",
      "10.213.7.50",
      "--restart",
      "always",
      host.image,
      "sleep",
      "1000",
    ]);
    const client = host.spawn(["start", "-a", "b"]);
    await until("it runs", () => host.runningPid("b") !== 0);
    const first = host.pid("b");
    process.kill(first, "SIGKILL");
    await until("it runs again", () => ![0, first].includes(host.runningPid("b")));
    expect(await host.addresses("web")).toEqual({ b: "10.213.7.50/24" });
    client.kill("SIGKILL");
    await client.exited;
  });

  test("with other user ids cannot join, which is said", async () => {
    using host = new Net();
    await host.create("web");
    await host.serve("web", "b");
    const { exitCode, stderr } = await host.run([
      "run",
      "--rm",
      "--network",
      "web",
      "--userns",
      "keep-id",
      host.image,
      "true",
    ]);
    expect(exitCode).toBe(125);
    expect(stderr).toContain("cannot join network web: the containers in it have another mapping of user ids");
  });
});

describe("the outside", () => {
  test("is reached, the host by its address and by host-gateway", async () => {
    using host = new Net();
    await host.create("web");
    using server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("host\n") });
    const fetch = `wget -qO- http://host.containers.internal:${server.port}/`;
    expect(await host.ask("web", fetch, "--add-host", "host.containers.internal:host-gateway")).toBe("host\n");
  });

  test("is not reached out of an internal network, whose containers find each other", async () => {
    using host = new Net();
    await host.create("back", "--internal");
    await host.serve("back", "b");
    expect(await host.ask("back", "wget -qO- b; ip route | grep -c default || true")).toBe("b\n0\n");
    const published = await host.run(["run", "--rm", "--network", "back", "-p", "8080:80", host.image, "true"]);
    expect(published.stderr).toContain("the network is internal");
  });

  test("reaches published ports, TCP and UDP", async () => {
    using host = new Net();
    await host.create("web");
    const [tcp, udp] = [freePort(), freePort()];
    await host.serve("web", "b", "-p", `${tcp}:80`, "-p", `127.0.0.1:${udp}:${udp}/udp`);
    // busybox has no server for UDP
    const echo = `await Bun.udpSocket({ port: ${udp}, socket: { data: (s, bytes, port, from) => void s.send(bytes, port, from) } })`;
    const enter = ["nsenter", "--user", "--net", "--preserve-credentials", "-t", `${host.pid("b")}`];
    const server = Bun.spawn([...enter, process.execPath, "-e", echo]);
    expect(await (await fetch(`http://127.0.0.1:${tcp}/`)).text()).toBe("b\n");
    const echoed = Promise.withResolvers<string>();
    const socket = await Bun.udpSocket({
      connect: { hostname: "127.0.0.1", port: udp },
      socket: { data: (_, bytes) => echoed.resolve(bytes.toString()) },
    });
    const timer = setInterval(() => socket.send("echo"), 100);
    expect(await echoed.promise).toBe("echo");
    clearInterval(timer);
    server.kill("SIGKILL");
    socket.close();
  });
});

describe("network connect and disconnect", () => {
  test("change where a running container is, what it finds, and where it is when it is started again", async () => {
    using host = new Net();
    await host.create("one");
    await host.create("two");
    await host.serve("one", "a");
    await host.serve("two", "b");
    await host.ok(["network", "connect", "--alias", "web", "two", "a"]);
    expect(await host.ok(["exec", "b", "wget", "-qO-", "web"])).toBe("a\n");
    expect(await host.ok(["exec", "a", ...sh("wget -qO- b; wget -qO- a")])).toBe("b\na\n");
    expect(Object.keys(await host.addresses("two")).sort()).toEqual(["a", "b"]);
    expect((await host.run(["network", "connect", "two", "a"])).stderr).toContain("it is in network two");

    await host.ok(["restart", "-t", "0", "a"]);
    await until("a serves", async () => (await host.run(["exec", "b", "wget", "-qO-", "web"])).stdout === "a\n");
    await host.ok(["network", "disconnect", "two", "a"]);
    expect(Object.keys(await host.addresses("two"))).toEqual(["b"]);
    expect(
      await host.ok(["exec", "a", ...sh("ip -o link | grep -c ': eth'; cat /etc/resolv.conf | grep -c nameserver")]),
    ).toBe("1\n1\n");
    expect(await host.ok(["exec", "b", ...sh("nslookup web.tsbox.internal || true")])).toContain("NXDOMAIN");
    expect((await host.run(["network", "disconnect", "two", "a"])).stderr).toContain("it is not in network two");
  });

  test("of the only network and the only container, and back; not back when another has brought up the networks anew", async () => {
    using host = new Net();
    await host.create("one");
    await host.serve("one", "a");
    await host.ok(["network", "disconnect", "one", "a"]);
    await until("the network is down", async () => Object.keys(await host.addresses("one")).length === 0);
    // the network comes up again in the user namespace of the container
    await host.ok(["network", "connect", "one", "a"]);
    await host.serve("one", "b");
    expect(await host.ok(["exec", "b", "wget", "-qO-", "a"])).toBe("a\n");

    await host.ok(["network", "disconnect", "one", "a"]);
    await host.ok(["stop", "-t", "0", "b"]);
    await host.ok(["start", "b"]);
    const late = await host.run(["network", "connect", "one", "a"]);
    expect([late.exitCode, late.stderr]).toEqual([1, expect.stringContaining("; stop it, connect it, and start it\n")]);
    // it starts without a network, too
    await host.ok(["restart", "-t", "0", "a"]);
    expect(await host.ok(["exec", "a", "ls", "/sys/class/net"])).toBe("lo\n");
    await host.ok(["stop", "-t", "0", "a"]);
    await host.ok(["network", "connect", "one", "a"]);
    await host.ok(["start", "a"]);
    expect(Object.keys(await host.addresses("one")).sort()).toEqual(["a", "b"]);
  });

  test("of a container that does not run count from its next start; one of another kind of network is refused", async () => {
    using host = new Net();
    await host.create("one");
    await host.create("two", "--subnet", "10.213.7.0/24");
    await host.ok(["create", "--name", "a", "--network", "one", host.image, "sleep", "1000"]);
    await host.ok(["network", "connect", "--ip", "10.213.7.9", "two", "a"]);
    await host.ok(["network", "disconnect", "one", "a"]);
    await host.ok(["start", "a"]);
    expect([await host.addresses("one"), await host.addresses("two")]).toEqual([{}, { a: "10.213.7.9/24" }]);
    await host.start(["--name", "n"], ["sleep", "1000"]);
    expect((await host.run(["network", "connect", "one", "n"])).stderr).toContain("it was made with --network=none");
  });

  test("leave no process when the container is killed", async () => {
    const others = new Set(hubs());
    using host = new Net();
    await host.create("one");
    await host.create("two");
    await host.serve("one", "a");
    await host.ok(["network", "connect", "two", "a"]);
    const mine = hubs().filter((pid) => !others.has(pid));
    expect(mine).toHaveLength(2);
    process.kill(host.monitor("a"), "SIGKILL");
    await until("all is gone", () => !mine.some(isProcess));
  });
});

describe("network", () => {
  test("create makes each name once, also at the same time, and no subnet twice", async () => {
    using host = new Net();
    const same = await Promise.all([1, 2, 3].map(() => host.run(["network", "create", "web"])));
    expect(same.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1);
    await Promise.all(["a", "b", "c"].map((name) => host.create(name)));
    const found = JSON.parse(await host.ok(["network", "inspect", "a", "b", "c", "web"]));
    const subnets = found.map((network: { IPAM: { Config: { Subnet: string }[] } }) => network.IPAM.Config[0]?.Subnet);
    expect(new Set(subnets).size).toBe(4);
    const overlapping = await host.run(["network", "create", "d", "--subnet", `${subnets[0].replace(/\/24$/, "/30")}`]);
    expect(overlapping.stderr).toContain("overlaps with that of network");
  });

  test("rm refuses while a container is in it, and removes it with all that it left afterwards", async () => {
    using host = new Net();
    const id = await host.create("web");
    await host.serve("web", "b");
    expect(await host.run(["network", "rm", "web"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("the container b is in it"),
    });
    await host.ok(["rm", "-f", "b"]);
    expect(await host.ok(["network", "rm", "web"])).toBe("web\n");
    expect(existsSync(`${host.storage}/networks/${id}`)).toBe(false);
    expect((await host.run(["run", "--rm", "--network", "web", host.image, "true"])).stderr).toContain(
      "tsbox network create web",
    );
  });

  test("prune removes what no container has, one that does not run counts", async () => {
    using host = new Net();
    for (const name of ["used", "idle", "kept"])
      await host.create(name, ...(name === "kept" ? ["--label", "keep=1"] : []));
    await host.ok(["create", "--name", "b", "--network", "used", host.image, "true"]);
    expect(await host.ok(["network", "prune", "-f", "--filter", "label!=keep"])).toBe("Deleted Networks:\nidle\n");
    expect(await host.ok(["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"])).toBe("kept\nused\n");
    expect(await host.ok(["network", "ls", "-q", "--filter", "dangling=true"])).toMatch(/^[0-9a-f]{12}\n$/);
  });

  test("the one that is always there need not be made", async () => {
    using host = new Net();
    await host.serve("bridge", "b");
    expect(await host.ask("bridge", "wget -qO- b")).toBe("b\n");
    for (const name of ["bridge", "host", "none"])
      expect(await host.run(["network", "rm", name])).toMatchObject({
        exitCode: 1,
        stderr: `tsbox: cannot remove network ${name}: it is always there\n`,
      });
    // no advice to make what is to be removed
    expect((await host.run(["network", "rm", "gone"])).stderr).toBe(
      "tsbox: cannot find network gone: there is none of that name or id\n",
    );
  });
});

describe("a hub", () => {
  test("ends with its last container, also when everything is killed", async () => {
    const others = new Set(hubs());
    using host = new Net();
    await host.create("web");
    await host.serve("web", "b");
    await host.serve("web", "c");
    const before = hubs().filter((pid) => !others.has(pid));
    expect(before).toHaveLength(1);
    const [b, c] = [host.pid("b"), host.pid("c")];
    for (const name of ["b", "c"]) process.kill(host.monitor(name), "SIGKILL");
    await until("all is gone", () => ![b, c, ...before].some(isProcess));
    expect(await host.addresses("web")).toEqual({});
    await host.ok(["start", "b"]);
    expect(await host.ask("web", "nslookup b.tsbox.internal")).toMatch(/Name:\s+b\.tsbox\.internal/);
  });

  test("that is killed leaves its containers running, and those that start later have another", async () => {
    const others = new Set(hubs());
    using host = new Net();
    await host.create("web");
    await host.serve("web", "b");
    for (const pid of hubs()) if (!others.has(pid)) process.kill(pid, "SIGKILL");
    await until("it is gone", () => hubs().every((pid) => others.has(pid)));
    expect(isProcess(host.pid("b"))).toBe(true);
    await host.serve("web", "c");
    expect(await host.ask("web", "wget -qO- c")).toBe("c\n");
    await host.ok(["restart", "-t", "0", "b"]);
    await until("b serves", async () => (await host.run(["exec", "c", "wget", "-qO-", "b"])).stdout === "b\n");
  });
});
