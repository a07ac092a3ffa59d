import { describe, expect, test } from "bun:test";
import { addressInNetwork, isAddress, isLoopback } from "../../src/network/address.ts";
import { parseAddHost, parseNetwork, parseNetworks, parsePublish } from "../../src/network/index.ts";

describe("--network", () => {
  test.each([
    ["host", { mode: "host" }],
    ["none", { mode: "none" }],
    ["pasta", { mode: "pasta", options: [] }],
    ["pasta:--mtu,1500,-I,eth9", { mode: "pasta", options: ["--mtu", "1500", "-I", "eth9"] }],
    ["slirp4netns:mtu=1500,cidr=10.9.0.0/24", { mode: "slirp4netns", options: ["mtu=1500", "cidr=10.9.0.0/24"] }],
    ["container:abc", { mode: "container", id: "abc" }],
    ["bridge", { mode: "named", endpoints: [{ network: "bridge", aliases: [] }] }],
    ["mynet", { mode: "named", endpoints: [{ network: "mynet", aliases: [] }] }],
    [
      "my.net:ip=10.89.0.7,mac=92-D0-C6-0A-29-33,alias=db,alias=sql",
      {
        mode: "named",
        endpoints: [{ network: "my.net", ip: "10.89.0.7", mac: "92:d0:c6:0a:29:33", aliases: ["db", "sql"] }],
      },
    ],
  ])("%s is read", (text, mode) => {
    expect(parseNetwork(text)).toEqual(mode as ReturnType<typeof parseNetwork>);
  });
  test.each([
    "",
    "host:x",
    "none:",
    "container:",
    "container",
    "default",
    "-net",
    "my/net",
    "net:ip=::1",
    "net:mac=1:2",
    "net:x",
  ])("%j is refused", (text) => {
    expect(() => parseNetwork(text)).toThrow(`cannot use --network=${text}: `);
  });

  const NONE = { ip: undefined, mac: undefined, aliases: [] };
  test("several are networks with names, and --ip, --mac-address and --network-alias are the first one's", () => {
    expect(parseNetworks([], NONE)).toBeUndefined();
    expect(parseNetworks(["none"], NONE)).toEqual({ mode: "none" });
    const given = parseNetworks(["a", "b:alias=x"], { ip: "10.0.0.2", mac: undefined, aliases: ["y"] });
    expect(given).toEqual({
      mode: "named",
      endpoints: [
        { network: "a", ip: "10.0.0.2", aliases: ["y"] },
        { network: "b", aliases: ["x"] },
      ],
    });
  });
  test.each([
    [["a", "host"], NONE, "only networks with names can be combined"],
    [["pasta"], { ...NONE, ip: "10.0.0.2" }, "they belong to a network with a name"],
    [[], { ...NONE, aliases: ["db"] }, "they belong to a network with a name"],
    [["a"], { ...NONE, ip: "10.0.0" }, "is not an IPv4 address"],
    [["a"], { ...NONE, mac: "93:d0:c6:0a:29:33" }, "is the address of a group"],
    [["a"], { ...NONE, aliases: ["two words"] }, "is not a host name"],
  ] as const)("%j with %j is refused", (texts, flags, why) => {
    expect(() => parseNetworks(texts, flags)).toThrow(why);
  });
});

describe("-p", () => {
  const port = { protocol: "tcp", count: 1 };
  test.each([
    ["80", { ...port, hostPort: undefined, containerPort: 80 }],
    ["8080:80", { ...port, hostPort: 8080, containerPort: 80 }],
    ["8080:80/tcp", { ...port, hostPort: 8080, containerPort: 80 }],
    ["53:5353/udp", { ...port, protocol: "udp", hostPort: 53, containerPort: 5353 }],
    ["127.0.0.1:8080:80", { ...port, hostIP: "127.0.0.1", hostPort: 8080, containerPort: 80 }],
    ["127.0.0.1::80", { ...port, hostIP: "127.0.0.1", hostPort: undefined, containerPort: 80 }],
    ["[::1]:8080:80", { ...port, hostIP: "::1", hostPort: 8080, containerPort: 80 }],
    ["8000-8010:9000-9010/udp", { protocol: "udp", hostPort: 8000, containerPort: 9000, count: 11 }],
    ["8000-8010:80", { ...port, hostPort: 8000, hostPorts: 11, containerPort: 80 }],
    ["80-90", { protocol: "tcp", hostPort: undefined, containerPort: 80, count: 11 }],
    ["65535:65535", { ...port, hostPort: 65535, containerPort: 65535 }],
  ])("%s is read", (text, expected) => {
    expect(parsePublish(text)).toEqual(expected as ReturnType<typeof parsePublish>);
  });
  test.each([
    "",
    "0",
    "65536",
    "80:0",
    "a:80",
    "80:b",
    "8080:80/sctp",
    "8000-8001:80-82",
    "8001-8000:1-2",
    "::1:80:80",
    "[::1:8080:80",
    "300.1.1.1:80:80",
    "localhost:80:80",
    "1:2:3:4",
    "80:80/",
    "-80:80",
    " 80:80",
  ])("%j is refused", (text) => {
    expect(() => parsePublish(text)).toThrow(`cannot publish ${text}: `);
  });
});

describe("--add-host", () => {
  test.each([
    ["db:10.0.0.5", { name: "db", address: "10.0.0.5" }],
    ["db=10.0.0.5", { name: "db", address: "10.0.0.5" }],
    ["db:::1", { name: "db", address: "::1" }],
    ["db:[fe80::1]", { name: "db", address: "fe80::1" }],
    ["host.docker.internal:host-gateway", { name: "host.docker.internal", address: "host-gateway" }],
  ])("%s is read", (text, expected) => {
    expect(parseAddHost(text)).toEqual(expected);
  });
  test.each(["db", ":1.2.3.4", "db:", "db:x", "a b:1.2.3.4", "a\nb:1.2.3.4", "db:1.2.3.4\n5.6.7.8 evil"])(
    "%j is refused",
    (text) => {
      expect(() => parseAddHost(text)).toThrow("cannot use --add-host");
    },
  );
});

test.each(["1.2.3.4", "0.0.0.0", "::", "::1", "fe80::1", "::ffff:1.2.3.4", "2001:db8::8a2e:370:7334"])(
  "%s is an address",
  (text) => {
    expect(isAddress(text)).toBe(true);
  },
);
test.each(["", "1.2.3", "1.2.3.256", "01.2.3.4", ":", ":::", "fe80::1%eth0", "g::1", "1:2:3", "[::1]", "::1]/x["])(
  "%j is no address",
  (text) => {
    expect(isAddress(text)).toBe(false);
  },
);
test("every spelling of a loopback address is known", () => {
  for (const text of ["127.0.0.1", "127.0.0.53", "::1", "0:0:0:0:0:0:0:1"]) expect(isLoopback(text)).toBe(true);
  for (const text of ["128.0.0.1", "::2", "::"]) expect(isLoopback(text)).toBe(false);
});
test("addresses are counted from the start of their network", () => {
  expect(addressInNetwork("10.0.2.0/24", 3)).toBe("10.0.2.3");
  expect(addressInNetwork("10.0.2.77/24", 100)).toBe("10.0.2.100");
  expect(addressInNetwork("192.168.0.0/16", 300)).toBe("192.168.1.44");
  expect(addressInNetwork("10.0.2.0/26", 100)).toBeUndefined();
  expect(addressInNetwork("x/24", 1)).toBeUndefined();
});
