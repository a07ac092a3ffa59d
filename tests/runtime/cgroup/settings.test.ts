import { expect, test } from "bun:test";
import type { LinuxResources } from "../../../src/oci/index.ts";
import { cgroupSettings } from "../../../src/runtime/index.ts";

const files = (resources: LinuxResources) =>
  Object.fromEntries(cgroupSettings(resources).map(({ file, value }) => [file, value]));

test("memory and swap together become swap alone", () => {
  expect(files({ memory: { limit: 100, swap: 300 } })).toEqual({ "memory.max": "100", "memory.swap.max": "200" });
});

test("-1 is no limit", () => {
  expect(files({ memory: { limit: -1, swap: -1 }, pids: { limit: -1 } })).toEqual({
    "memory.max": "max",
    "memory.swap.max": "max",
    "pids.max": "max",
  });
});

test("a quota of processor time has the default period", () => {
  expect(files({ cpu: { quota: 150000 } })).toEqual({ "cpu.max": "150000 100000" });
});

test.each([
  [2, "1"],
  [1024, "39"],
  [262144, "10000"],
])("cpu.shares %d are cpu.weight %s, as runc and systemd have it", (shares, weight) => {
  expect(files({ cpu: { shares } })).toEqual({ "cpu.weight": weight });
});

test("swap below the memory limit contradicts itself", () => {
  expect(() => cgroupSettings({ memory: { limit: 300, swap: 100 } })).toThrow("swap is less than memory.limit");
});

test("unified takes files of a cgroup and nothing else", () => {
  expect(files({ unified: { "memory.high": "1000" } })).toEqual({ "memory.high": "1000" });
  expect(() => cgroupSettings({ unified: { "../cgroup.procs": "1" } })).toThrow("is not a file of a cgroup");
});

test("what cannot be limited yet is an error, not ignored", () => {
  expect(() => cgroupSettings({ hugepageLimits: [{ pageSize: "2MB", limit: 1 }] })).toThrow(
    "linux.resources.hugepageLimits",
  );
});
