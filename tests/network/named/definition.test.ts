/** Definitions of named networks, and the addresses in them. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { serverBytes } from "../../../src/network/named/connection.ts";
import { createNetwork, findNetwork, listNetworks, type NewNetwork } from "../../../src/network/named/index.ts";
import { macOf } from "../../../src/network/named/mac.ts";
import {
  contains,
  firstFree,
  formatSubnet,
  overlaps,
  parseSubnet,
  toNumber,
  toText,
} from "../../../src/network/named/subnet.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const WISH: NewNetwork = {
  name: "net",
  subnet: undefined,
  gateway: undefined,
  ipRange: undefined,
  internal: false,
  dnsEnabled: true,
  labels: {},
  options: {},
};

function subnet(text: string) {
  const found = parseSubnet(text);
  if (found === undefined) throw new Error(`${text} is not read`);
  return found;
}

describe("a subnet", () => {
  test.each(["10.89.0.0/24", "0.0.0.0/0", "255.255.255.252/30", "192.168.1.7/32"])("%s is read", (text) => {
    expect(formatSubnet(subnet(text))).toBe(text);
  });
  test.each([
    "10.89.0.1/24",
    "10.89.0.0",
    "10.89.0.0/33",
    "10.89.0/24",
    "10.89.0.0/24/1",
    "fd00::/64",
    "10.89.0.0/-1",
    "",
  ])("%j is refused", (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  });
  test("has its addresses, the highest too", () => {
    expect(toText(toNumber("255.255.255.255"))).toBe("255.255.255.255");
    expect(contains(subnet("200.1.2.0/24"), toNumber("200.1.2.255"))).toBe(true);
    expect(contains(subnet("200.1.2.0/24"), toNumber("200.1.3.0"))).toBe(false);
    expect(overlaps(subnet("10.0.0.0/8"), subnet("10.89.3.0/24"))).toBe(true);
    expect(overlaps(subnet("10.89.3.0/24"), subnet("10.0.0.0/8"))).toBe(true);
    expect(overlaps(subnet("10.89.3.0/24"), subnet("10.89.4.0/24"))).toBe(false);
  });
  test("gives out neither its first nor its last address", () => {
    const small = subnet("10.0.0.0/30");
    const taken = new Set([toNumber("10.0.0.1")]);
    expect(toText(firstFree(small, taken) ?? 0)).toBe("10.0.0.2");
    expect(firstFree(small, new Set([...taken, toNumber("10.0.0.2")]))).toBeUndefined();
  });
  test("a hardware address says whose it is", () => {
    expect(macOf(toNumber("10.89.0.255"))).toBe("02:42:0a:59:00:ff");
  });
});

test.each([
  ["127.0.0.53", "00000000000000000000ffff7f000035"],
  ["2001:DB8::1", "20010db8000000000000000000000001"],
  ["::1", "00000000000000000000000000000001"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ["fe80::", "fe800000000000000000000000000000"],
])("the server %s goes to the hub as bytes", (text, bytes) => {
  expect(Buffer.from(serverBytes(text)).toString("hex")).toBe(bytes);
});

describe("network create", () => {
  test("writes one file, which is found by name, id and its beginning", () => {
    using folder = temporaryFolder();
    const made = createNetwork(folder.path, {
      ...WISH,
      subnet: "10.7.0.0/16",
      ipRange: "10.7.9.0/24",
      labels: { a: "b" },
    });
    expect(made).toMatchObject({ subnet: "10.7.0.0/16", gateway: "10.7.0.1", ipRange: "10.7.9.0/24" });
    expect(readdirSync(folder.join("networks")).sort()).toEqual([".lock", "net.json"]);
    for (const text of ["net", made.id, made.id.slice(0, 12)]) expect(findNetwork(folder.path, text)).toEqual(made);
    expect(listNetworks(folder.path).map(({ name }) => name)).toEqual(["bridge", "net"]);
    expect(() => findNetwork(folder.path, "../net")).toThrow("cannot find network ../net: there is none");
  });
  test.each([
    [{ name: "../x" }, "a name has letters"],
    [{ name: "host" }, "a name has letters"],
    [{ name: "bridge" }, "a network has that name"],
    [{ subnet: "10.7.0.1/16" }, "is not an IPv4 subnet"],
    [{ subnet: "10.7.0.0/31" }, "has no room for a container"],
    [{ subnet: "10.88.3.0/24" }, "overlaps with that of network bridge"],
    [{ subnet: "10.7.0.0/24", gateway: "10.7.1.1" }, "the gateway 10.7.1.1 is not an address of 10.7.0.0/24"],
    [{ subnet: "10.7.0.0/24", gateway: "10.7.0.255" }, "is not an address of"],
    [{ subnet: "10.7.0.0/24", ipRange: "10.7.1.0/25" }, "is not a part of"],
    [{ subnet: "10.7.0.0/24", ipRange: "10.7.0.0/16" }, "is not a part of"],
    [{ options: { mtu: "x" } }, "option mtu=x is not known"],
    [{ options: { isolate: "1" } }, "option isolate=1 is not known"],
  ] as const)("%j is refused, and nothing is left", (change, why) => {
    using folder = temporaryFolder();
    expect(() => createNetwork(folder.path, { ...WISH, ...change })).toThrow(why);
    expect(listNetworks(folder.path)).toHaveLength(1);
  });
});
