import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type NetworkOptions,
  type NetworkTools,
  parseNetwork,
  parsePublish,
  setUpNetwork,
} from "../../src/network/index.ts";
import { checkPrivilegedPorts } from "../../src/network/ports.ts";

const ALL: NetworkTools = {
  pasta: "/usr/bin/pasta",
  slirp4netns: "/usr/bin/slirp4netns",
  tun: true,
  uid: 1000,
  pastaHas: () => true,
};
const OPTIONS: NetworkOptions = { hostname: "box", runtimeFolder: "/run/x", userNamespace: true };

function setUp(network: string | undefined, options: Partial<NetworkOptions> = {}, tools: Partial<NetworkTools> = {}) {
  const mode = network === undefined ? {} : { mode: parseNetwork(network) };
  return setUpNetwork({ ...OPTIONS, ...mode, ...options }, { ...ALL, ...tools });
}
const publish = (...texts: string[]) => ({ publish: texts.map(parsePublish) });

describe("the default", () => {
  test.each([
    ["pasta", {}],
    ["slirp4netns", { pasta: undefined }],
    ["host", { pasta: undefined, slirp4netns: undefined }],
    ["host", { tun: false }],
  ] as const)("is %s with %j", async (mode, tools) => {
    const setup = await setUp(undefined, {}, tools);
    expect(setup.mode).toBe(mode);
    expect(setup.newNamespace).toBe(mode !== "host");
    expect(setup.helper?.kind).toBe(mode === "host" ? undefined : mode);
    expect(setup.warning === undefined).toBe(mode !== "host");
  });
  test("is slirp4netns for root without a user namespace, which pasta cannot enter", async () => {
    expect((await setUp(undefined, { userNamespace: false }, { uid: 0 })).mode).toBe("slirp4netns");
  });
  test("without helpers says in one line what to install", async () => {
    const { warning } = await setUp(undefined, {}, { pasta: undefined, slirp4netns: undefined });
    expect(warning).toMatch(/^the container shares the host's network: neither .* apt-get install passt/);
    expect(warning).not.toContain("\n");
  });
  test("without helpers refuses to publish ports", async () => {
    const failed = setUp(undefined, publish("8080:80"), { pasta: undefined, slirp4netns: undefined });
    await expect(failed).rejects.toThrow("cannot publish ports: the container shares the host's network");
  });
});

describe("an explicit wish that cannot be had names the remedy", () => {
  test.each([
    ["pasta", {}, { pasta: undefined }, "pasta is not installed (an administrator runs: apt-get install passt"],
    ["slirp4netns", {}, { slirp4netns: undefined }, "apt-get install slirp4netns"],
    ["pasta", {}, { tun: false }, "modprobe tun"],
    ["pasta", { userNamespace: false }, {}, "use --network=slirp4netns"],
    ["pasta:--pid,/x", {}, {}, "cannot use pasta's option --pid"],
    ["pasta:--netns=/x", {}, {}, "cannot use pasta's option --netns"],
    ["pasta:-I,\u0001", {}, {}, "control character"],
    ["slirp4netns:mtu=9", {}, {}, "expected 68 to 65521"],
    ["slirp4netns:nope=1", {}, {}, "there is no such option"],
    ["slirp4netns:cidr=10.0.2.0/28", {}, {}, "expected an IPv4 network"],
    ["none", publish("80:80"), {}, "--network=none leaves the container without a network"],
    ["pasta", publish("80:80"), {}, "ports below 1024 are reserved to root"],
    ["slirp4netns", publish("[::1]:8080:80"), {}, "slirp4netns publishes on IPv4 only"],
    ["container:x", publish("8080:80"), {}, "cannot use -p with --network=container"],
    ["container:x", { addHosts: [{ name: "a", address: "1.2.3.4" }] }, {}, "cannot use --add-host"],
    ["pasta", { addHosts: [{ name: "a", address: "host-gateway" }] }, { pastaHas: () => false }, "August 2024"],
    ["slirp4netns", { addHosts: [{ name: "a", address: "host-gateway" }] }, {}, "allow_host_loopback=true"],
    ["none", { addHosts: [{ name: "a", address: "host-gateway" }] }, {}, "no way to the host"],
  ] as Array<[string, Partial<NetworkOptions>, Partial<NetworkTools>, string]>)(
    "%s %j %j",
    async (network, options, tools, message) => {
      await expect(setUp(network, options, tools)).rejects.toThrow(message);
    },
  );
});

describe("pasta", () => {
  const argv = async (network: string, options: Partial<NetworkOptions> = {}) =>
    (await setUp(network, options)).helper?.argv.join(" ");

  test("forwards nothing that was not asked for and hides the host's loopback", async () => {
    expect(await argv("pasta")).toBe(
      "/usr/bin/pasta --foreground --config-net --quiet -t none -u none -T none -U none --dns-forward 169.254.1.1 --no-map-gw --pid /dev/stdout \x01",
    );
  });
  test("publishes ports, ranges and addresses", async () => {
    const line = await argv("pasta", publish("8080:80", "127.0.0.1:5353:53/udp", "[::1]:8000-8002:9000-9002"));
    expect(line).toContain(" -t 8080:80 -u 127.0.0.1/5353:53 -t ::1/8000-8002:9000-9002 -T none -U none ");
  });
  test("takes options of the user's in the place of its own", async () => {
    const line = await argv("pasta:-T,5000,--map-gw,--dns-forward,1.1.1.1,--mtu,1500");
    expect(line).toContain(" -T 5000 --dns-forward 1.1.1.1 --mtu 1500 -t none -u none -U none --pid");
    const { files } = await setUp("pasta:--dns-forward,169.254.9.9");
    expect(files?.resolvConf).toStartWith("nameserver 169.254.9.9\n");
  });
  test("reaches the host at an address of its own when that is asked for", async () => {
    const options = { addHosts: [{ name: "outside", address: "host-gateway" }] };
    expect(await argv("pasta", options)).toContain(" --map-guest-addr 169.254.1.2 ");
    expect((await setUp("pasta", options)).files?.hosts).toStartWith("169.254.1.2\toutside\n");
  });
});

describe("slirp4netns", () => {
  test("is sandboxed, without the host's loopback, and tells when it is ready on descriptor 3", async () => {
    const { helper, files, slirpPorts } = await setUp("slirp4netns");
    expect(helper?.argv.join(" ")).toBe(
      "/usr/bin/slirp4netns --configure --mtu=65520 --enable-sandbox --enable-seccomp --ready-fd=3 --disable-host-loopback \x01 tap0",
    );
    expect(helper?.readyFD).toBe(3);
    expect(files?.resolvConf).toStartWith("nameserver 10.0.2.3\n");
    expect(files?.hosts).toContain("10.0.2.100\tbox\n");
    expect(slirpPorts).toBeUndefined();
  });
  test("publishes through its socket, and follows another network", async () => {
    const { helper, files, slirpPorts } = await setUp("slirp4netns:cidr=10.9.0.0/24,mtu=1500", publish("8080:80"));
    expect(helper?.argv).toContain("--cidr=10.9.0.0/24");
    expect(helper?.argv).toContain("--api-socket=/run/x/slirp4netns.sock");
    expect(slirpPorts).toEqual({ apiSocket: "/run/x/slirp4netns.sock", guest: "10.9.0.100" });
    expect(files?.resolvConf).toStartWith("nameserver 10.9.0.3\n");
  });
});

test("host says that -p changes nothing", async () => {
  expect((await setUp("host", publish("8080:80"))).warning).toBe(
    "-p changes nothing with --network=host: the program's own ports are the host's",
  );
});
test("none gets a namespace and no helper; container joins the other's and shares its files", async () => {
  expect(await setUp("none")).toMatchObject({ mode: "none", newNamespace: true, files: { hostname: "box\n" } });
  expect((await setUp("none")).helper).toBeUndefined();
  expect(await setUp("container:abc")).toEqual({
    mode: "container",
    newNamespace: false,
    joinContainer: "abc",
    ports: [],
  });
});
test("ports that the host is to choose are free and different", async () => {
  const { ports } = await setUp("pasta", publish("127.0.0.1::80", "127.0.0.1::81", "127.0.0.1::53/udp"));
  for (const { hostPort } of ports) expect(hostPort).toBeGreaterThan(1023);
  expect(ports.map((port) => port.containerPort)).toEqual([80, 81, 53]);
});
test("a range without ports of the host is as many that are free", async () => {
  const { ports } = await setUp("pasta", publish("127.0.0.1::80-82"));
  expect(ports.map((port) => [port.containerPort, port.count])).toEqual([80, 81, 82].map((port) => [port, 1]));
  for (const { hostPort } of ports) expect(hostPort).toBeGreaterThan(1023);
});
test("of a range of the host's ports for one port the first is taken that is free", async () => {
  // three in a row that nobody has, of which the first is then in use
  const first = await freeRow(3);
  using listener = Bun.listen({ hostname: "127.0.0.1", port: first, socket: { data() {} } });
  expect(listener.port).toBe(first);
  const range = `127.0.0.1:${first}-${first + 2}`;
  const { ports } = await setUp("pasta", publish(`${range}:80`, `${range}:81`));
  expect(ports.map((port) => port.hostPort)).toEqual([first + 1, first + 2]);
  const full = setUp("pasta", publish(`${range}:80`, `${range}:81`, `${range}:82`));
  await expect(full).rejects.toThrow(
    `cannot publish ${first}-${first + 2}:82/tcp: all of these ports of the host are in use`,
  );
});
test("the first port that needs no privilege is the host's setting", () => {
  const root = mkdtempSync(join(tmpdir(), "tsbox-ports-"));
  mkdirSync(join(root, "proc/sys/net/ipv4"), { recursive: true });
  writeFileSync(join(root, "proc/sys/net/ipv4/ip_unprivileged_port_start"), "80\n");
  checkPrivilegedPorts([parsePublish("80:80")], 1000, root);
  checkPrivilegedPorts([parsePublish("79:80")], 0, root);
  expect(() => checkPrivilegedPorts([parsePublish("79:80")], 1000, root)).toThrow(
    "sysctl net.ipv4.ip_unprivileged_port_start=79",
  );
  rmSync(root, { recursive: true });
});

/** The first of so many free ports of TCP in a row. */
async function freeRow(count: number): Promise<number> {
  for (;;) {
    const listeners: { stop(now?: boolean): void }[] = [];
    try {
      const any = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      listeners.push(any);
      for (let i = 1; i < count; i++)
        listeners.push(Bun.listen({ hostname: "127.0.0.1", port: any.port + i, socket: { data() {} } }));
      return any.port;
    } catch {
      // one of them is taken
    } finally {
      for (const listener of listeners) listener.stop(true);
    }
  }
}
