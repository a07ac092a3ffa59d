/** `linux.netDevices`, in a network namespace that stands for the host's. */
import { describe, expect } from "bun:test";
import { runBundle } from "../support/run-bundle.ts";
import { program, requires, root } from "../support/skip.ts";

const test = requires(root, program("ip"), program("unshare"));

const HOST = `ip link add source type veth peer name other
  ip link set source mtu 1334 address 02:00:00:00:00:07 up; ip link set other up
  ip address add 10.9.8.7/24 dev source label source:one
  ip address add 10.9.8.9/32 dev source
  ip address add fd00::7/64 dev source nodad
  ip address add 169.254.3.4/16 dev source scope link
  ip address add fd00::8/64 dev source nodad valid_lft 1000 preferred_lft 900`;

type Devices = Record<string, { name?: string }>;

function move(netDevices: Devices, script: string, namespaces = ["network"], host = HOST) {
  return runBundle(script, {
    asRoot: true,
    wrap: (argv) => ["unshare", "--net", "sh", "-e", "-c", `${host}\nexec "$@"`, "sh", ...argv],
    edit: (config) => {
      config.linux.netDevices = netDevices;
      config.linux.namespaces.push(...namespaces.map((type) => ({ type })));
      config.mounts.push({ destination: "/sys", type: "sysfs", source: "sysfs" });
    },
  });
}

/** `name address/prefix scope` of what the container has. */
const addresses = "busybox ip -o address | busybox awk '$3 ~ /inet/ { print $2, $4, $5, $6, $7, $8 }'";

describe("linux.netDevices", () => {
  test("a device is moved, renamed, up, and has its permanent addresses of global scope", () => {
    const script = `cd /sys/class/net/box0; cat mtu address flags; ${addresses}`;
    const { stdout, stderr } = move({ source: { name: "box0" } }, script);
    expect(stderr).toBe("");
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, 2)).toEqual(["1334", "02:00:00:00:00:07"]);
    expect(Number(lines[2]) & 1).toBe(1);
    const found = lines.slice(3).filter((line) => line.startsWith("box0"));
    expect(found.filter((line) => !line.includes(" fe80:")).sort()).toEqual([
      expect.stringMatching(/^box0 10\.9\.8\.7\/24 .*/),
      expect.stringMatching(/^box0 10\.9\.8\.9\/32 .*/),
      expect.stringMatching(/^box0 fd00::7\/64 /),
    ]);
  });

  test("without a name it keeps the host's, and a template is filled in by the kernel", () => {
    const names = (devices: Devices) => {
      const { stdout, stderr } = move(devices, "ls /sys/class/net");
      expect(stderr).toBe("");
      return stdout.trim().split("\n");
    };
    expect(names({ source: {} })).toContain("source");
    expect(names({ source: { name: "net%d" } })).toContain("net0");
    expect(names({ source: { name: "a" }, other: { name: "b" } })).toEqual(expect.arrayContaining(["a", "b"]));
  });

  test("a name that the container has already is refused", () => {
    const { exitCode, stderr } = move({ source: { name: "lo" } }, "true");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("cannot move the network device source of linux.netDevices as lo: file exists");
  });

  test("a device that is not there, and a container without network namespace, are refused by name", () => {
    expect(move({ nothing: {} }, "true").stderr).toContain("linux.netDevices: nothing: the host has no such device");
    expect(move({ source: {} }, "true", []).stderr).toContain("linux.netDevices: linux.namespaces has no network");
  });
});
