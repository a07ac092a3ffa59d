/**
 * `linux.resources.devices` as an eBPF program, for cgroups of version 2 have no file for devices. The kernel runs it whenever a process of
 * the cgroup opens or makes a device node. bpf(2); kernel, include/uapi/linux/bpf.h, `struct bpf_cgroup_dev_ctx`.
 */
import { TsboxError } from "../../../error.ts";
import type { LinuxDeviceCgroup } from "../../../oci/index.ts";

/** BPF_DEVCG_ACC_* */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;
/** BPF_DEVCG_DEV_* */
export const DEVICE = { b: 1, c: 2 } as const;
const ALL = ACCESS.m | ACCESS.r | ACCESS.w;

/** A rule with everything said; undefined matches all. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type: number | undefined;
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: number;
}

/** @throws TsboxError `invalid` for a type or a number that devices do not have */
export function deviceRule(rule: LinuxDeviceCgroup, index: number): DeviceRule {
  const bad = (what: string) => new TsboxError("invalid", `cannot use linux.resources.devices[${index}]: ${what}`);
  const { allow, type = "a" } = rule;
  // "all" is all: as in cgroup v1, whose semantics the specification took over, numbers and access are not looked at
  if (type === "a" || type === "") return { allow, type: undefined, major: undefined, minor: undefined, access: ALL };
  if (type !== "b" && type !== "c" && type !== "u") throw bad(`"${type}" is not a, b or c`);
  const number = (name: "major" | "minor") => {
    const value = rule[name] ?? -1;
    if (value < -1 || value > 0xffffffff) throw bad(`${name} ${value} is no device number`);
    return value === -1 ? undefined : value;
  };
  let access = rule.access === undefined ? ALL : 0;
  for (const letter of rule.access ?? "") {
    if (letter !== "r" && letter !== "w" && letter !== "m") throw bad(`access "${rule.access}" is not of r, w and m`);
    access |= ACCESS[letter];
  }
  return { allow, type: type === "b" ? DEVICE.b : DEVICE.c, major: number("major"), minor: number("minor"), access };
}

/**
 * What every container may have, whatever config.json denies: any node may be made, and the devices that the specification supplies
 * (config-linux.md, "Default Devices") and terminals may be opened. runc and crun add the same, and callers rely on
 * it: they write a rule that denies everything.
 */
export const DEFAULT_DEVICE_RULES: readonly LinuxDeviceCgroup[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...(
    [
      [1, 3], // null
      [1, 5], // zero
      [1, 7], // full
      [1, 8], // random
      [1, 9], // urandom
      [5, 0], // tty
      [5, 2], // ptmx
      [136, -1], // pts/*
    ] as const
  ).map(([major, minor]) => ({ allow: true, type: "c", major, minor, access: "rwm" })),
];

const BPF_LDX_W = 0x61;
const BPF_ALU64_MOV_K = 0xb7;
const BPF_ALU_MOV_X = 0xbc;
const BPF_ALU_AND_K = 0x54;
const BPF_ALU_RSH_K = 0x74;
const BPF_JMP32_JNE_K = 0x56;
const BPF_JMP32_JEQ_K = 0x16;
const BPF_EXIT = 0x95;

/** Registers: 0 is the result and scratch, 1 the context, then what the request is. */
const [R0, CONTEXT, TYPE, LEFT, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];

type Instruction = { code: number; dst: number; src: number; off: number; imm: number };

const insn = (code: number, dst: number, imm = 0, src = 0, off = 0): Instruction => ({ code, dst, src, off, imm });

/**
 * The last rule that matches decides, for each of reading, writing and making apart; what no rule matches is denied. So the rules are asked
 * from the last to the first, with the accesses that are still undecided in a register: a rule that denies one of them ends it, one that
 * allows takes its own away, and when none is left the request is allowed.
 *
 * @returns instructions of 8 bytes, little-endian; undefined when everything is allowed
 */
export function deviceProgram(rules: readonly LinuxDeviceCgroup[]): Uint8Array<ArrayBuffer> | undefined {
  const code: Instruction[] = [
    // access_type: the access in the high half, the type of device in the low
    insn(BPF_LDX_W, TYPE, 0, CONTEXT, 0),
    insn(BPF_ALU_MOV_X, LEFT, 0, TYPE),
    insn(BPF_ALU_AND_K, TYPE, 0xffff),
    insn(BPF_ALU_RSH_K, LEFT, 16),
    insn(BPF_LDX_W, MAJOR, 0, CONTEXT, 4),
    insn(BPF_LDX_W, MINOR, 0, CONTEXT, 8),
  ];
  const parsed = rules.map(deviceRule).reverse();
  // after a rule that allows all, only one that denies makes a difference
  if (parsed.find((rule) => !rule.allow || matchesAll(rule))?.allow) return undefined;
  for (const rule of parsed) {
    code.push(...ruleCode(rule));
    // the kernel refuses code that is never reached
    if (matchesAll(rule)) return encode(code);
  }
  return encode([...code, ...verdict(false)]);
}

function matchesAll(rule: DeviceRule | undefined): boolean {
  return rule !== undefined && rule.type === undefined && rule.access === ALL;
}

function verdict(allowed: boolean): Instruction[] {
  return [insn(BPF_ALU64_MOV_K, R0, allowed ? 1 : 0), insn(BPF_EXIT, 0)];
}

function ruleCode(rule: DeviceRule): Instruction[] {
  if (matchesAll(rule)) return verdict(rule.allow);
  const tests: Instruction[] = [];
  for (const [register, value] of [
    [TYPE, rule.type],
    [MAJOR, rule.major],
    [MINOR, rule.minor],
  ] as const) {
    if (value !== undefined) tests.push(insn(BPF_JMP32_JNE_K, register, value));
  }
  const decision = rule.allow
    ? [insn(BPF_ALU_AND_K, LEFT, ALL & ~rule.access), insn(BPF_JMP32_JNE_K, LEFT, 0)]
    : [insn(BPF_ALU_MOV_X, R0, 0, LEFT), insn(BPF_ALU_AND_K, R0, rule.access), insn(BPF_JMP32_JEQ_K, R0, 0)];
  const body = [...tests, ...decision, ...verdict(rule.allow)];
  // every jump leads to the next rule
  return body.map((one, at) =>
    one.code === BPF_JMP32_JNE_K || one.code === BPF_JMP32_JEQ_K ? { ...one, off: body.length - at - 1 } : one,
  );
}

function encode(code: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { code: op, dst, src, off, imm }] of code.entries()) {
    view.setUint8(index * 8, op);
    view.setUint8(index * 8 + 1, dst | (src << 4));
    view.setInt16(index * 8 + 2, off, true);
    view.setInt32(index * 8 + 4, imm | 0, true);
  }
  return bytes;
}
