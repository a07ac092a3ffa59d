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

test("swap needs a limit of memory to be counted from", () => {
  expect(() => cgroupSettings({ memory: { swap: 300 } })).toThrow("swap needs memory.limit");
  expect(cgroupSettings({ memory: { swap: 300 } }, 100)).toMatchObject([{ file: "memory.swap.max", value: "200" }]);
});

test("swap comes before memory, so that a lower limit is never met with the old swap", () => {
  expect(Object.keys(files({ memory: { limit: 1, swap: 2, reservation: 1 } }))).toEqual([
    "memory.swap.max",
    "memory.max",
    "memory.low",
  ]);
});

test("0 is not a limit where runc has it so", () => {
  expect(
    files({ memory: { limit: 0, swap: 0, reservation: 0 }, pids: { limit: 0 }, cpu: { shares: 0, quota: 0 } }),
  ).toEqual({});
});

test("what v2 has no file for, and runc passes over, is passed over", () => {
  expect(files({ memory: { swappiness: 10, kernel: 5, kernelTCP: 5, disableOOMKiller: true } })).toEqual({});
});

test.each<[string, LinuxResources]>([
  ["cpu.realtimeRuntime", { cpu: { realtimeRuntime: 950 } }],
  ["cpu.realtimePeriod", { cpu: { realtimePeriod: 1000 } }],
  ["network.classID", { network: { classID: 1 } }],
  ["network.priorities", { network: { priorities: [{ name: "eth0", priority: 1 }] } }],
  ["blockIO.leafWeight", { blockIO: { leafWeight: 100 } }],
  ["blockIO.weightDevice.leafWeight", { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 100 }] } }],
])("%s is not in cgroup v2: an error", (field, resources) => {
  expect(() => cgroupSettings(resources)).toThrow(`cannot limit linux.resources.${field}: cgroup v2 has no`);
});

test("an idle cgroup gets no weight", () => {
  expect(files({ cpu: { idle: 1, shares: 100 } })).toEqual({ "cpu.idle": "1" });
  expect(files({ cpu: { idle: 0, shares: 2 } })).toEqual({ "cpu.idle": "0", "cpu.weight": "1" });
});

test("a burst is tried before and after the quota", () => {
  const settings = cgroupSettings({ cpu: { quota: 50000, period: 200000, burst: 1000 } });
  expect(settings).toMatchObject([
    { file: "cpu.max.burst", value: "1000", retry: true },
    { file: "cpu.max", value: "50000 200000" },
  ]);
});

test("weights of block devices go to BFQ where it is, else to io.weight in its range", () => {
  const settings = cgroupSettings({ blockIO: { weight: 10, weightDevice: [{ major: 8, minor: 16, weight: 1000 }] } });
  expect(settings).toMatchObject([
    { file: "io.bfq.weight", value: "10", instead: { file: "io.weight", value: "default 1" } },
    { file: "io.bfq.weight", value: "8:16 1000", instead: { file: "io.weight", value: "8:16 10000" } },
  ]);
  expect(() => cgroupSettings({ blockIO: { weight: 5 } })).toThrow("blockIO.weight: 5 is not between 10 and 1000");
});

test("throttles are one line for each device and direction", () => {
  const at = { major: 8, minor: 0 };
  const settings = cgroupSettings({
    blockIO: {
      throttleReadBpsDevice: [{ ...at, rate: 1048576 }],
      throttleWriteBpsDevice: [{ ...at, rate: 0 }],
      throttleReadIOPSDevice: [{ ...at, rate: 10 }],
      throttleWriteIOPSDevice: [{ ...at, rate: 20 }],
    },
  });
  expect(settings.map(({ file, value }) => `${file} ${value}`)).toEqual([
    "io.max 8:0 rbps=1048576",
    "io.max 8:0 wbps=max",
    "io.max 8:0 riops=10",
    "io.max 8:0 wiops=20",
  ]);
});

test("huge pages and RDMA", () => {
  expect(
    files({
      hugepageLimits: [{ pageSize: "2MB", limit: 9007199254740992 }],
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 5 } },
    }),
  ).toEqual({
    "hugetlb.2MB.max": "9007199254740992",
    "hugetlb.2MB.rsvd.max": "9007199254740992",
    "rdma.max": "mlx4_0 hca_object=5",
  });
});

test("unified takes several lines, and nothing that moves or ends processes", () => {
  expect(cgroupSettings({ unified: { "io.max": "8:0 rbps=1\n8:16 rbps=2\n" } }).map(({ value }) => value)).toEqual([
    "8:0 rbps=1",
    "8:16 rbps=2",
  ]);
  for (const file of ["cgroup.procs", "cgroup.threads", "cgroup.kill"]) {
    expect(() => cgroupSettings({ unified: { [file]: "1" } })).toThrow("is no limit");
  }
});
