/** Filters in the kernel: what is allowed works, what is refused fails or kills as the profile says. */
import { afterAll, expect } from "bun:test";
import { SYS } from "../../../src/linux/abi.gen.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../../../src/oci/index.ts";
import { hostArchitecture } from "../../../src/runtime/seccomp/architecture.ts";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import { defaultFilter } from "../../../src/runtime/seccomp/default-filter.ts";
import { requires } from "../../support/skip.ts";
import { call, compiler, i386, removePayload } from "./payload.ts";

const test = requires(compiler);
afterAll(removePayload);

const [EPERM, ENOSYS] = ["-1", "-38"];
const DOCKER = new Set(["CAP_SYS_CHROOT"]);
const CLONE_NEWUSER = 0x10000000;
const SIGSYS = 31;
/** Newer than every call, for years. */
const UNKNOWN = 5000;

const rules = (...syscalls: LinuxSyscall[]): LinuxSeccomp => ({ defaultAction: "SCMP_ACT_ALLOW", syscalls });
const refuse = (rule: Partial<LinuxSyscall>): LinuxSyscall => ({ names: ["umask"], action: "SCMP_ACT_ERRNO", ...rule });
const umask = (config: LinuxSeccomp, ...args: number[]) => call(compileSeccomp(config), "native", 95 + OFFSET, ...args);
/** umask is 95 on x86-64, 166 on arm64. */
const OFFSET = hostArchitecture() === "x86_64" ? 0 : 166 - 95;

test("the default filter lets programs run", async () => {
  const filter = await defaultFilter(DOCKER);
  expect(Number(call(filter, "native", SYS.getpid))).toBeGreaterThan(1);
  expect(Number(call(filter, "native", SYS.socket, 1, 1))).toBeGreaterThan(2);
});

test("the default filter refuses mounts, namespaces and new mount calls", async () => {
  const filter = await defaultFilter(DOCKER);
  for (const number of [SYS.mount, SYS.umount2, SYS.pivot_root, SYS.setns, SYS.open_tree, SYS.move_mount, SYS.fsopen]) {
    expect([number, call(filter, "native", number)]).toEqual([number, EPERM]);
  }
  expect(call(filter, "native", SYS.unshare, CLONE_NEWUSER)).toBe(EPERM);
});

test("the default filter refuses clone3, so that C libraries use clone, whose flags can be seen", async () => {
  expect(call(await defaultFilter(DOCKER), "native", SYS.clone3)).toBe(ENOSYS);
});

test("the default filter says of calls that no kernel has yet that they do not exist", async () => {
  expect(call(await defaultFilter(DOCKER), "native", UNKNOWN)).toBe(ENOSYS);
});

test("CAP_SYS_ADMIN in the container opens what it is for, and chroot needs its capability", async () => {
  const EFAULT = "-14";
  expect(call(await defaultFilter(new Set(["CAP_SYS_ADMIN"])), "native", SYS.mount)).toBe(EFAULT);
  expect(call(await defaultFilter(DOCKER), "native", SYS.chroot)).toBe(EFAULT);
  expect(call(await defaultFilter(new Set()), "native", SYS.chroot)).toBe(EPERM);
});

requires(compiler, i386)("the default filter holds for i386 calls too", async () => {
  const filter = await defaultFilter(DOCKER);
  const [MOUNT, GETPID, UNSHARE] = [21, 20, 310];
  expect(Number(call(filter, "i386", GETPID))).toBeGreaterThan(1);
  expect(call(filter, "i386", MOUNT)).toBe(EPERM);
  expect(call(filter, "i386", UNSHARE, CLONE_NEWUSER)).toBe(EPERM);
});

requires(compiler, i386)("an architecture that the profile does not name ends the program", () => {
  expect(call(compileSeccomp(rules()), "i386", 20)).toBe(`killed by ${SIGSYS}`);
});

test("an errno of the profile is the call's", async () => {
  expect(umask(rules(refuse({ errnoRet: 71 })))).toBe("-71");
  expect(umask(rules(refuse({})))).toBe(EPERM);
});

test("every action does what its name says", async () => {
  const outcome = (action: string) => umask(rules(refuse({ action })), 0o22);
  const killed = `killed by ${SIGSYS}`;
  expect(["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"].map((name) => outcome(`SCMP_ACT_${name}`))).toEqual(
    Array(4).fill(killed),
  );
  expect(Number(outcome("SCMP_ACT_LOG"))).toBeGreaterThanOrEqual(0);
  // without a tracer
  expect(outcome("SCMP_ACT_TRACE")).toBe(ENOSYS);
});

test("arguments are compared by the kernel as the profile says", async () => {
  const table: readonly (readonly [op: string, value: number, refused: readonly number[]])[] = [
    ["EQ", 2, [2]],
    ["NE", 2, [0, 1, 3]],
    ["LT", 2, [0, 1]],
    ["LE", 2, [0, 1, 2]],
    ["GT", 2, [3]],
    ["GE", 2, [2, 3]],
    ["MASKED_EQ", 2, [0, 1]],
  ];
  for (const [op, value, refused] of table) {
    const config = rules(refuse({ errnoRet: 71, args: [{ index: 0, op: `SCMP_CMP_${op}`, value }] }));
    expect([op, [0, 1, 2, 3].filter((mask) => umask(config, mask) === "-71")]).toEqual([op, [...refused]]);
  }
});

test("the upper half of an argument is compared too", async () => {
  const config = rules(refuse({ errnoRet: 71, args: [{ index: 0, op: "SCMP_CMP_EQ", value: 0x1_0000_0002 }] }));
  expect(umask(config, 0x1_0000_0002)).toBe("-71");
  expect(Number(umask(config, 2))).toBeGreaterThanOrEqual(0);
});

test("the kernel takes the flags", async () => {
  const flags = ["TSYNC", "LOG", "SPEC_ALLOW"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
  expect(umask({ ...rules(refuse({ errnoRet: 71 })), flags })).toBe("-71");
});

test("the kernel takes a filter of nearly 4096 instructions", async () => {
  const last = 1009;
  const values = Array.from({ length: last + 1 }, (_, index) => 2 * index + 1000);
  const config = rules(
    ...values.map((value) => refuse({ errnoRet: 71, args: [{ index: 0, op: "SCMP_CMP_EQ", value }] })),
  );
  expect(compileSeccomp(config).program.length / 8).toBeWithin(4000, 4097);
  expect(umask(config, 2 * last + 1000)).toBe("-71");
  expect(Number(umask(config, 2 * last + 1001))).toBeGreaterThanOrEqual(0);
});
