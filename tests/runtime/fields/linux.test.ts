/** Namespaces' own settings: clocks and sysctls. */
import { describe, expect, test } from "bun:test";
import { sysctlPath } from "../../../src/runtime/sysctl.ts";
import type { BundleConfig } from "../../support/bundle.ts";
import { runBundle } from "../../support/run-bundle.ts";
import { requires, userNamespaces } from "../../support/skip.ts";

const asRoot = process.getuid?.() === 0;
const run = (script: string, edit: (config: BundleConfig) => void) => runBundle(script, { asRoot, edit });
const withNamespaces = (config: BundleConfig, ...types: string[]) =>
  config.linux.namespaces.push(...types.map((type) => ({ type })));

describe("linux.timeOffsets", () => {
  requires(userNamespaces)("the program's clocks have them", () => {
    const days = 1000;
    const { stdout, stderr } = run("cat /proc/self/timens_offsets /proc/uptime", (config) => {
      withNamespaces(config, "time");
      config.linux.timeOffsets = { monotonic: { secs: -1, nanosecs: 7 }, boottime: { secs: days * 86400 } };
    });
    expect(stderr).toBe("");
    const [monotonic, boottime, uptime] = stdout.trim().split("\n");
    expect(monotonic?.split(/\s+/)).toEqual(["monotonic", "-1", "7"]);
    expect(boottime?.split(/\s+/)).toEqual(["boottime", `${days * 86400}`, "0"]);
    expect(Number(uptime?.split(" ")[0])).toBeGreaterThan(days * 86400);
  });

  requires(userNamespaces)("a new time namespace without offsets has those of the host", () => {
    const { stdout, stderr } = run("cat /proc/self/timens_offsets", (config) => withNamespaces(config, "time"));
    expect({ stdout, stderr }).toEqual({
      stdout: "monotonic           0         0\nboottime            0         0\n",
      stderr: "",
    });
  });

  test("are refused without a time namespace, and where the clock would be negative", () => {
    const offsets = (secs: number, ...types: string[]) =>
      run("true", (config) => {
        withNamespaces(config, ...types);
        config.linux.timeOffsets = { monotonic: { secs } };
      }).stderr;
    expect(offsets(1)).toContain("linux.timeOffsets: linux.namespaces has no new time namespace");
    expect(offsets(-1_000_000_000, "time")).toContain("cannot set linux.timeOffsets");
  });
});

describe("linux.sysctl", () => {
  const sysctl = (key: string, value: string, ...types: string[]) =>
    run(`cat /proc/sys/${sysctlPath(key)}`, (config) => {
      withNamespaces(config, ...types);
      config.linux.sysctl = { [key]: value };
    });

  requires(userNamespaces)("those of the container's namespaces are set, with dots or slashes", () => {
    expect(sysctl("kernel.shmmni", "77")).toMatchObject({ stderr: "", stdout: "77\n" });
    expect(sysctl("fs.mqueue.msg_max", "9")).toMatchObject({ stderr: "", stdout: "9\n" });
    expect(sysctl("net.ipv4.ip_unprivileged_port_start", "80", "network")).toMatchObject({
      stderr: "",
      stdout: "80\n",
    });
    expect(sysctl("net/ipv4/ping_group_range", "0 0", "network").stdout.trim()).toBe("0\t0");
    expect(sysctl("kernel.domainname", "example.org")).toMatchObject({ stderr: "", stdout: "example.org\n" });
  });

  test.each([
    ["kernel.core_pattern", "not in a namespace"],
    ["kernel.msg", "not in a namespace"],
    ["kernel.shmmax2", "not in a namespace"],
    ["vm.overcommit_memory", "not in a namespace"],
    ["net.ipv4.ip_forward", "without a network namespace"],
    ["net/../kernel/core_pattern", "not the name of a sysctl"],
    ["net...kernel.core_pattern", "not the name of a sysctl"],
    ["/kernel/shmmni", "not the name of a sysctl"],
    ["net..ipv4", "not the name of a sysctl"],
    ["net.", "not the name of a sysctl"],
    ["", "not the name of a sysctl"],
    ["kernel.hostname", "hostname is the field for it"],
  ])("%j is refused by name", (key, reason) => {
    const { exitCode, stderr } = run("true", (config) => {
      config.linux.sysctl = { [key]: "1" };
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`cannot run: linux.sysctl: ${key}: `);
    expect(stderr).toContain(reason);
  });

  test("names have dots where the other separator is used", () => {
    expect(sysctlPath("net/ipv4/conf/eth0.100/forwarding")).toBe("net/ipv4/conf/eth0.100/forwarding");
    expect(sysctlPath("net.ipv4.conf.eth0/100.forwarding")).toBe("net/ipv4/conf/eth0.100/forwarding");
  });
});
