import { expect, test } from "bun:test";
import type { LinuxDeviceCgroup } from "../../../src/oci/index.ts";
import { deviceProgram } from "../../../src/runtime/cgroup/devices/program.ts";
import { type DeviceRequest, runDeviceProgram, unreachable } from "./support/ebpf.ts";

const BITS = { m: 1, r: 2, w: 4 } as const;
const DENY_ALL: LinuxDeviceCgroup = { allow: false, access: "rwm" };

function allows(rules: readonly LinuxDeviceCgroup[], type: "b" | "c", numbers: string, access: string): boolean {
  const program = deviceProgram(rules);
  if (program === undefined) return true;
  expect(unreachable(program)).toEqual([]);
  const [major = 0, minor = 0] = numbers.split(":").map(Number);
  const bits = [...access].reduce((all, letter) => all | BITS[letter as keyof typeof BITS], 0);
  return runDeviceProgram(program, { type: type === "b" ? 1 : 2, major, minor, access: bits }) === 1;
}

test("what no rule allows is denied", () => {
  expect(allows([{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }], "c", "1:5", "r")).toBe(false);
  expect(allows([{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }], "b", "1:3", "r")).toBe(false);
  expect(allows([{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }], "c", "1:3", "rw")).toBe(true);
});

test("an access that is allowed in part is denied", () => {
  const rules: LinuxDeviceCgroup[] = [DENY_ALL, { allow: true, type: "c", major: 1, minor: 3, access: "r" }];
  expect(allows(rules, "c", "1:3", "r")).toBe(true);
  expect(allows(rules, "c", "1:3", "rw")).toBe(false);
  expect(allows(rules, "c", "1:3", "m")).toBe(false);
});

test("two rules may allow one access together", () => {
  const rules: LinuxDeviceCgroup[] = [
    { allow: true, type: "c", major: 1, minor: 3, access: "r" },
    { allow: true, type: "c", major: 1, access: "w" },
  ];
  expect(allows(rules, "c", "1:3", "rw")).toBe(true);
  expect(allows(rules, "c", "1:4", "rw")).toBe(false);
});

test("the last rule that matches wins", () => {
  const device = { type: "c", major: 10, minor: 200, access: "rwm" };
  expect(allows([{ allow: true, ...device }, DENY_ALL], "c", "10:200", "r")).toBe(false);
  expect(allows([DENY_ALL, { allow: true, ...device }], "c", "10:200", "r")).toBe(true);
  const rules: LinuxDeviceCgroup[] = [DENY_ALL, { allow: true, ...device }, { allow: false, ...device, access: "w" }];
  expect(allows(rules, "c", "10:200", "rm")).toBe(true);
  expect(allows(rules, "c", "10:200", "w")).toBe(false);
});

test("a rule of type a is about every device and access, whatever else it says", () => {
  expect(allows([{ allow: true, type: "a", major: 1, access: "r" }], "b", "8:0", "rwm")).toBe(true);
  expect(deviceProgram([DENY_ALL, { allow: true, type: "a" }])).toBeUndefined();
  expect(
    allows(
      [
        { allow: true, type: "a" },
        { allow: false, type: "b" },
      ],
      "b",
      "8:0",
      "r",
    ),
  ).toBe(false);
  expect(
    allows(
      [
        { allow: true, type: "a" },
        { allow: false, type: "b" },
      ],
      "c",
      "8:0",
      "r",
    ),
  ).toBe(true);
});

test("rules without numbers, with -1, and of type u", () => {
  expect(allows([{ allow: true, type: "u", major: -1, minor: -1, access: "m" }], "c", "5:1", "m")).toBe(true);
  expect(allows([{ allow: true, type: "c" }], "c", "4095:1048575", "rwm")).toBe(true);
  expect(allows([{ allow: true, type: "c", access: "" }], "c", "1:1", "r")).toBe(false);
});

test.each<[LinuxDeviceCgroup, string]>([
  [{ allow: true, type: "p", access: "r" }, '"p" is not a, b or c'],
  [{ allow: true, type: "c", access: "rx" }, 'access "rx"'],
  [{ allow: true, type: "c", major: -2 }, "major -2 is no device number"],
  [{ allow: true, type: "c", minor: 2 ** 32 }, "is no device number"],
])("%j is refused", (rule, reason) => {
  expect(() => deviceProgram([DENY_ALL, rule])).toThrow(`linux.resources.devices[`);
  expect(() => deviceProgram([DENY_ALL, rule])).toThrow(reason);
});

/** The same in words: each access apart, by the last rule that speaks of it. */
function expected(rules: readonly LinuxDeviceCgroup[], request: DeviceRequest): boolean {
  return Object.entries(BITS)
    .filter(([, bit]) => (request.access & bit) !== 0)
    .every(([letter]) => {
      const last = rules.findLast(({ type = "a", major = -1, minor = -1, access = "rwm" }) => {
        if (type === "a") return true;
        const sameType = request.type === (type === "b" ? 1 : 2);
        const same = (wanted: number, is: number) => wanted === -1 || wanted === is;
        return sameType && same(major, request.major) && same(minor, request.minor) && access.includes(letter);
      });
      return last?.allow ?? false;
    });
}

test("programs of thousands of random lists of rules decide every request as the rules say", () => {
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T; // cast: never an empty list
  const numbers = [-1, 0, 1, 2, 0x7fffffff, 0xffffffff];
  for (let round = 0; round < 3000; round++) {
    const rules = Array.from(
      { length: random(9) },
      (): LinuxDeviceCgroup => ({
        allow: random(2) === 0,
        type: pick(["a", "b", "c", "b", "c", "u", "c"]),
        major: pick(numbers),
        minor: pick(numbers),
        access: pick(["r", "w", "m", "rw", "rm", "wm", "rwm", "rwm", ""]),
      }),
    );
    const program = deviceProgram(rules);
    if (program !== undefined) expect(unreachable(program)).toEqual([]);
    for (let tries = 0; tries < 20; tries++) {
      const request = {
        type: 1 + random(2),
        major: pick(numbers.slice(1)),
        minor: pick(numbers.slice(1)),
        access: 1 + random(7),
      };
      const verdict = program === undefined || runDeviceProgram(program, request) === 1;
      if (verdict !== expected(rules, request)) expect({ rules, request, verdict }).toBeUndefined();
    }
  }
});
