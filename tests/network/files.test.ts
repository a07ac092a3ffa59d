import { describe, expect, test } from "bun:test";
import { hostsFile } from "../../src/network/hosts.ts";
import { checkDNS, type DNSOptions, resolvConf } from "../../src/network/resolv-conf.ts";
import { madeUpHosts } from "../support/made-up-host.ts";

const host = madeUpHosts();

const NONE: DNSOptions = { servers: [], search: [], options: [] };
const HELPER = { network: "helper", forwarder: "169.254.1.1" } as const;
const resolv = (text: string) => host({ "/etc/resolv.conf": text });

describe("resolv.conf", () => {
  test("on the host's network it is the host's, byte for byte", () => {
    const text = "# mine\nnameserver 127.0.0.53\noptions edns0\n\n";
    expect(resolvConf(NONE, { network: "host" }, resolv(text))).toBe(text);
  });
  test("the helper's forwarder comes first, servers on the host's loopback are left out", () => {
    const root = resolv(
      "nameserver 127.0.0.1\nnameserver ::1\nnameserver 10.1.1.1\nsearch a.example b.example\noptions ndots:2 # x\n",
    );
    expect(resolvConf(NONE, HELPER, root)).toBe(
      "nameserver 169.254.1.1\nnameserver 10.1.1.1\nsearch a.example b.example\noptions ndots:2\n",
    );
  });
  test("systemd-resolved's stub is replaced by the servers behind it", () => {
    const root = host({
      "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n",
      "/run/systemd/resolve/resolv.conf": "nameserver 192.168.1.1\nnameserver fe80::1%eth0\n",
    });
    expect(resolvConf(NONE, HELPER, root)).toBe(
      "nameserver 169.254.1.1\nnameserver 192.168.1.1\nsearch lan\noptions edns0 trust-ad\n",
    );
  });
  test("of several search and domain lines the last one counts", () => {
    expect(resolvConf(NONE, HELPER, resolv("search a\ndomain b\n"))).toBe("nameserver 169.254.1.1\nsearch b\n");
  });
  test("--dns, --dns-search and --dns-option each replace the host's", () => {
    const root = resolv("nameserver 10.1.1.1\nsearch lan\noptions edns0\n");
    expect(resolvConf({ ...NONE, servers: ["9.9.9.9"] }, HELPER, root)).toBe(
      "nameserver 9.9.9.9\nsearch lan\noptions edns0\n",
    );
    expect(resolvConf({ ...NONE, search: ["."], options: ["ndots:1"] }, { network: "host" }, root)).toBe(
      "nameserver 10.1.1.1\noptions ndots:1\n",
    );
  });
  test("without a network there are only servers that were asked for", () => {
    const root = resolv("nameserver 10.1.1.1\n");
    expect(resolvConf(NONE, { network: "none" }, root)).toBe("");
    expect(resolvConf({ ...NONE, servers: ["9.9.9.9"] }, { network: "none" }, root)).toBe("nameserver 9.9.9.9\n");
  });
  test("a host without the file is like one with an empty file", () => {
    expect(resolvConf(NONE, HELPER, host({}))).toBe("nameserver 169.254.1.1\n");
  });
  test("words that would make other lines are refused", () => {
    checkDNS({ servers: ["9.9.9.9", "fe80::1%eth0"], search: ["."], options: ["ndots:1"] });
    for (const bad of [
      { servers: ["dns.example"] },
      { servers: ["9.9.9.9\nx"] },
      { search: ["a b"] },
      { options: ["x\ny"] },
    ]) {
      expect(() => checkDNS({ ...NONE, ...bad })).toThrow("cannot use");
    }
  });
});

describe("hosts", () => {
  const options = { hostname: "box", hostNetwork: false, address: undefined, extra: [], gateway: undefined };
  test("names the container beside localhost", () => {
    const lines = hostsFile({ ...options, address: "10.0.2.100" }).split("\n");
    expect(lines).toContain("127.0.0.1\tlocalhost");
    expect(lines).toContain("10.0.2.100\tbox");
  });
  test("what the user adds comes first, in order, with host-gateway filled in", () => {
    const extra = [
      { name: "db", address: "10.9.9.9" },
      { name: "outside", address: "host-gateway" },
    ];
    expect(hostsFile({ ...options, extra, gateway: "169.254.1.2" })).toStartWith(
      "10.9.9.9\tdb\n169.254.1.2\toutside\n127.0.0.1\t",
    );
  });
  test("host-gateway is an error where nothing reaches the host", () => {
    expect(() => hostsFile({ ...options, extra: [{ name: "x", address: "host-gateway" }] })).toThrow(
      "no way to the host",
    );
  });
  test("on the host's network the host's file is kept, and its own name not repeated", () => {
    const text = "127.0.0.1 localhost\n10.0.0.1 machine";
    const root = host({ "/etc/hosts": text });
    expect(hostsFile({ ...options, hostNetwork: true, hostname: "machine" }, root)).toBe(`${text}\n`);
    expect(hostsFile({ ...options, hostNetwork: true }, root)).toBe(`${text}\n127.0.1.1\tbox\n`);
  });
});
