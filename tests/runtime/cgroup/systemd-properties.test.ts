import { expect, test } from "bun:test";
import type { LinuxResources } from "../../../src/oci/index.ts";
import { annotationProperties, cpuBits, limitProperties } from "../../../src/runtime/cgroup/systemd/properties.ts";
import { scopeName, scopeProperties } from "../../../src/runtime/cgroup/systemd/scope.ts";
import { parseVariant } from "../../../src/runtime/cgroup/systemd/variant-text.ts";
import type { CgroupRequest } from "../../../src/runtime/index.ts";

const INFINITY = 2n ** 64n - 1n;
const values = (resources: LinuxResources) =>
  Object.fromEntries(limitProperties(resources).map(([name, { value }]) => [name, value]));
const request = (cgroupsPath: string | undefined, more: Partial<CgroupRequest> = {}): CgroupRequest => ({
  id: "c1",
  cgroupsPath,
  resources: undefined,
  manager: "systemd",
  rootless: true,
  ...more,
});

test.each([
  [undefined, true, "user.slice", "tsbox-c1.scope"],
  [undefined, false, "system.slice", "tsbox-c1.scope"],
  ["machine.slice:libpod:abc", false, "machine.slice", "libpod-abc.scope"],
  ["user-a-b.slice::abc", true, "user-a-b.slice", "abc.scope"],
  [":docker:", false, "system.slice", "docker-c1.scope"],
  ["-.slice:x:y", false, "-.slice", "x-y.scope"],
])("cgroupsPath %j (rootless: %j) is %s, %s", (path, rootless, slice, unit) => {
  expect(scopeName(request(path, { rootless }))).toEqual({ slice, unit });
});

test.each([
  ["/a/b", 'expected cgroupsPath to be of format "slice:prefix:name"'],
  ["a:b", "slice:prefix:name"],
  ["a:b:c", '"a" is no slice'],
  ["a--b.slice:b:c", "is no slice"],
  ["../x.slice:b:c", "is no slice"],
  ["a.slice:b:c/d", "is no name of a unit"],
  ["a.slice:b:c.slice", "a scope, not a slice"],
])("cgroupsPath %j is refused", (path, reason) => {
  expect(() => scopeName(request(path))).toThrow(reason);
});

test("limits are properties where systemd has them", () => {
  expect(
    values({
      memory: { limit: 1000, swap: 3000, reservation: -1 },
      cpu: { shares: 1024, quota: 33333, period: 100000, cpus: "0-2,8", mems: "0" },
      pids: { limit: -1 },
      blockIO: { weight: 1000, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
      unified: { "memory.high": "max", "memory.min": "5", "hugetlb.2MB.max": "1" },
    }),
  ).toEqual({
    MemoryMax: 1000n,
    MemorySwapMax: 2000n,
    MemoryLow: INFINITY,
    MemoryHigh: INFINITY,
    MemoryMin: 5n,
    CPUWeight: 39n,
    // in steps of 10 ms, never less than was asked for
    CPUQuotaPerSecUSec: 340000n,
    CPUQuotaPeriodUSec: 100000n,
    AllowedCPUs: Uint8Array.of(7, 1),
    AllowedMemoryNodes: Uint8Array.of(1),
    TasksMax: INFINITY,
    IOWeight: 10000n,
  });
});

test("a quota is taken back", () => {
  expect(values({ cpu: { quota: -1 } })).toEqual({ CPUQuotaPerSecUSec: INFINITY });
});

test("lists of processors that are none are refused", () => {
  for (const bad of ["", "a", "3-1", "1,,2", "1-2-3", "-1"]) {
    expect(() => cpuBits(bad, "linux.resources.cpu.cpus")).toThrow("is no list such as 0-2,7");
  }
});

test("annotations set and replace properties", () => {
  const annotations = {
    "org.systemd.property.TimeoutStopUSec": "uint64 123456789",
    "org.systemd.property.CollectMode": "'inactive'",
    "org.systemd.property.RuntimeMaxSec": "1.5",
    "io.other": "x",
  };
  const properties = Object.fromEntries(
    scopeProperties(request(undefined, { annotations }), { slice: "a.slice", unit: "b" }),
  );
  expect(properties.TimeoutStopUSec).toEqual({ signature: "t", value: 123456789n });
  expect(properties.CollectMode).toEqual({ signature: "s", value: "inactive" });
  expect(properties.RuntimeMaxUSec).toEqual({ signature: "t", value: 1500000n });
  expect(properties.Delegate).toEqual({ signature: "b", value: true });
  expect(properties.Slice).toEqual({ signature: "s", value: "a.slice" });
});

test.each([
  ["org.systemd.property.bad-name", "true"],
  ["org.systemd.property.Tim", "nonsense"],
  ["org.systemd.property.TimeoutStopSec", "'5'"],
  ["org.systemd.property.TimeoutStopSec", "-5"],
])("the annotation %s=%s is refused", (key, value) => {
  expect(() => annotationProperties({ [key]: value })).toThrow(`cannot use the annotation ${key}`);
});

test.each([
  ["true", "b", true],
  [" 5 ", "i", 5n],
  ["-0x10", "i", -16n],
  ["uint64 18446744073709551615", "t", INFINITY],
  ["1.5", "d", 1.5],
  ["double 3", "d", 3],
  ["'it\\'s \\u00e9\\n'", "s", "it's é\n"],
  ['"a \\"b\\""', "s", 'a "b"'],
  ["objectpath '/a'", "o", "/a"],
  ["['a', 'b']", "as", ["a", "b"]],
  ["@as []", "as", []],
  ["@aas [['a'], []]", "aas", [["a"], []]],
  ["[uint32 1, 2]", "au", [1n, 2n]],
])("%s is a %s", (text, signature, value) => {
  expect(parseVariant(text, "a")).toEqual({ signature, value });
});

test.each([
  "",
  "tru",
  "5 6",
  "'a",
  "[",
  "[1 2]",
  "[1, 'a']",
  "[]",
  "byte 256",
  "uint32 -1",
  "@s 5",
  "boolean 1",
  "2147483648",
  "1-2",
  "(1, 2)",
  "uint64",
  "[1,",
])("%j is refused", (text) => {
  expect(() => parseVariant(text, "a")).toThrow("cannot use the annotation a=");
});
