import { describe, expect, test } from "bun:test";
import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from "../../../src/oci/index.ts";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import { Program } from "./bpf-interpreter.ts";
import { ACTIONS, holds, OPERATORS, Random, randomArguments, randomProfile } from "./random.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const X32 = 0x40000000;

const ALLOW = 0x7fff0000;
const KILL_THREAD = 0;
const errno = (number: number) => 0x50000 | number;
const [EPERM, EEXIST, ENOSYS] = [1, 17, 38];

const ALL_X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

function program(config: Partial<LinuxSeccomp>): Program {
  return new Program(compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", ...config }, "x86_64").program);
}

function decides(config: Partial<LinuxSeccomp>, number: number, ...args: (number | bigint)[]): number {
  return program(config).run({ arch: X86_64, number, args: args.map(BigInt) }).action;
}

const allow = (...names: string[]): LinuxSyscall => ({ names, action: "SCMP_ACT_ALLOW" });
const when = (rule: LinuxSyscall, ...args: LinuxSeccompArg[]): LinuxSyscall => ({ ...rule, args });
const argument = (index: number, op: string, value: number | bigint, valueTwo?: number | bigint): LinuxSeccompArg => ({
  index,
  op: `SCMP_CMP_${op}`,
  value,
  valueTwo,
});

describe("rules", () => {
  test("conditions of one rule must all hold", () => {
    const syscalls = [when(allow("ioctl"), argument(0, "EQ", 1), argument(1, "EQ", 2)), allow("statx")];
    expect(decides({ syscalls }, 16, 1, 2)).toBe(ALLOW);
    expect(decides({ syscalls }, 16, 1, 3)).toBe(errno(EPERM));
    expect(decides({ syscalls }, 16, 2, 2)).toBe(errno(EPERM));
  });

  test("two conditions about one argument are alternatives, as with runc", () => {
    const syscalls = [when(allow("ioctl"), argument(0, "EQ", 1), argument(0, "EQ", 2)), allow("statx")];
    expect([1, 2, 3].map((value) => decides({ syscalls }, 16, value))).toEqual([ALLOW, ALLOW, errno(EPERM)]);
  });

  test("a rule without conditions has precedence over those with conditions, wherever it stands", () => {
    const refuse = { names: ["ioctl"], action: "SCMP_ACT_ERRNO", errnoRet: EEXIST };
    const some = when(allow("ioctl"), argument(0, "EQ", 1));
    for (const syscalls of [
      [some, refuse],
      [refuse, some],
    ]) {
      expect(decides({ syscalls }, 16, 1)).toBe(errno(EEXIST));
    }
  });

  test("of two rules without conditions the first one holds", () => {
    const syscalls = [allow("ioctl"), { names: ["ioctl"], action: "SCMP_ACT_KILL" }];
    expect(decides({ syscalls }, 16)).toBe(ALLOW);
  });

  test("a rule that says what the default says anyway is passed over, so another rule decides", () => {
    const syscalls = [{ names: ["ioctl"], action: "SCMP_ACT_ERRNO", errnoRet: EPERM }, allow("ioctl")];
    expect(decides({ syscalls }, 16)).toBe(ALLOW);
  });

  test("the same conditions with two actions are an error that names both", () => {
    const syscalls = [
      when(allow("ioctl"), argument(0, "EQ", 1)),
      when({ names: ["ioctl"], action: "SCMP_ACT_KILL" }, argument(0, "EQ", 1)),
    ];
    const message = /syscalls\[1\]: the action for ioctl contradicts that of linux.seccomp.syscalls\[0\]/;
    expect(() => program({ syscalls })).toThrow(message);
  });

  test("a rule with more conditions than another, and another action, is passed over when it comes later", () => {
    const longer = when({ names: ["ioctl"], action: "SCMP_ACT_KILL" }, argument(0, "EQ", 1), argument(1, "EQ", 2));
    const shorter = when(allow("ioctl"), argument(0, "EQ", 1));
    expect(decides({ syscalls: [shorter, longer] }, 16, 1, 2)).toBe(ALLOW);
    expect(() => program({ syscalls: [longer, shorter] })).toThrow(/syscalls\[1\]: the action for ioctl contradicts/);
  });

  test("all 64 bits of an argument are compared", () => {
    const syscalls = [when(allow("ioctl"), argument(0, "EQ", 0x1_0000_0005n)), allow("statx")];
    expect(decides({ syscalls }, 16, 0x1_0000_0005n)).toBe(ALLOW);
    expect(decides({ syscalls }, 16, 5)).toBe(errno(EPERM));
  });

  test("a mask hides the other bits of the argument and of the value", () => {
    const syscalls = [when(allow("ioctl"), argument(0, "MASKED_EQ", 0xf0, 0x5f)), allow("statx")];
    expect(decides({ syscalls }, 16, 0xff_5an)).toBe(ALLOW);
    expect(decides({ syscalls }, 16, 0x6f)).toBe(errno(EPERM));
  });

  test("unknown names are passed over", () => {
    expect(decides({ syscalls: [allow("no_such_call", "read", "statx")] }, 0)).toBe(ALLOW);
  });
});

describe("calls that are newer than the profile", () => {
  const syscalls = [allow("read", "openat2")];
  const [OPENAT, OPENAT2, PIDFD_GETFD] = [257, 437, 438];

  test("fail with ENOSYS, so that C libraries fall back to older ones", () => {
    expect([OPENAT, OPENAT2, PIDFD_GETFD].map((number) => decides({ syscalls }, number))).toEqual([
      errno(EPERM),
      ALLOW,
      errno(ENOSYS),
    ]);
  });

  test("pass where the default lets calls pass", () => {
    for (const [defaultAction, action] of [
      ["SCMP_ACT_ALLOW", ALLOW],
      ["SCMP_ACT_LOG", 0x7ffc0000],
    ] as const) {
      expect(decides({ defaultAction, syscalls }, PIDFD_GETFD)).toBe(action);
    }
  });

  test("fail so even where the default kills", () => {
    expect(decides({ defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls }, PIDFD_GETFD)).toBe(errno(ENOSYS));
  });
});

describe("architectures", () => {
  const syscalls = [allow("read", "statx")];

  test("the kernel's own is always there, and others end the thread", () => {
    const filter = program({ syscalls });
    expect(filter.run({ arch: X86_64, number: 0 }).action).toBe(ALLOW);
    expect(filter.run({ arch: I386, number: 3 }).action).toBe(KILL_THREAD);
    expect(filter.run({ arch: AARCH64, number: 63 }).action).toBe(KILL_THREAD);
  });

  test("x32 is judged by its own numbers, or ends the thread where the profile does not name it", () => {
    expect(program({ syscalls }).run({ arch: X86_64, number: X32 }).action).toBe(KILL_THREAD);
    const both = program({ syscalls: [allow("ioctl", "statx")], architectures: ALL_X86 });
    // ioctl is 514 there; 16 is a number that x32 does not have
    expect(both.run({ arch: X86_64, number: X32 | 514 }).action).toBe(ALLOW);
    expect(both.run({ arch: X86_64, number: X32 | 16 }).action).toBe(errno(EPERM));
  });

  test("a call that a tracer has skipped is not taken for one of x32", () => {
    expect(program({ syscalls }).run({ arch: X86_64, number: 0xffffffff }).action).toBe(errno(EPERM));
  });

  test("i386 makes sockets through socketcall too", () => {
    const filter = program({ syscalls: [allow("socket", "statx")], architectures: ALL_X86 });
    const SOCKETCALL = 102;
    expect(filter.run({ arch: I386, number: SOCKETCALL, args: [1n] }).action).toBe(ALLOW);
    expect(filter.run({ arch: I386, number: SOCKETCALL, args: [2n] }).action).toBe(errno(EPERM));
  });

  test("every name of the specification is known to every machine", () => {
    const names =
      `X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE
      S390 S390X SH SHEB PARISC PARISC64 RISCV64`.split(/\s+/);
    const architectures = names.map((name) => `SCMP_ARCH_${name}`);
    for (const arch of ["x86_64", "aarch64"] as const) {
      const all = compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", syscalls, architectures }, arch);
      const own = arch === "x86_64" ? ALL_X86 : ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"];
      const few = compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", syscalls, architectures: own }, arch);
      expect(all.program).toEqual(few.program);
    }
  });

  test("those of other machines are known but make no difference", () => {
    const plain = compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", syscalls }, "x86_64");
    const more = compileSeccomp(
      { defaultAction: "SCMP_ACT_ERRNO", syscalls, architectures: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X"] },
      "x86_64",
    );
    expect(more.program).toEqual(plain.program);
  });
});

describe("what cannot be compiled is an error that names the field", () => {
  const rule = { names: ["read"], action: "SCMP_ACT_ALLOW" };
  const withArg = (arg: Partial<LinuxSeccompArg>) => ({
    syscalls: [rule, { ...rule, args: [{ ...argument(0, "EQ", 1), ...arg }] }],
  });
  const table: readonly (readonly [Partial<LinuxSeccomp>, RegExp])[] = [
    [{ defaultAction: "SCMP_ACT_DENY" }, /defaultAction: SCMP_ACT_DENY is not an action/],
    [{ defaultAction: "toString" }, /defaultAction: toString is not an action/],
    [{ defaultAction: "SCMP_ACT_KILL", defaultErrnoRet: 1 }, /defaultErrnoRet: SCMP_ACT_KILL takes no errno/],
    [{ defaultErrnoRet: 65536 }, /defaultErrnoRet: 65536 is not a number from 0 to 65535/],
    [{ defaultAction: "SCMP_ACT_NOTIFY" }, /listenerPath: SCMP_ACT_NOTIFY needs a listener/],
    [{ architectures: ["SCMP_ARCH_X86", "X86_64"] }, /architectures\[1\]: X86_64 is not an architecture/],
    [{ flags: ["SECCOMP_FILTER_FLAG_FAST"] }, /flags\[0\]: SECCOMP_FILTER_FLAG_FAST is not a flag/],
    [{ flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }, /flags\[0\]: .* needs a rule with SCMP_ACT_NOTIFY/],
    [{ syscalls: [{ ...rule, action: "ALLOW" }] }, /syscalls\[0\].action: ALLOW is not an action/],
    [{ syscalls: [{ ...rule, errnoRet: 1 }] }, /syscalls\[0\].errnoRet: SCMP_ACT_ALLOW takes no errno/],
    [{ syscalls: [{ ...rule, names: [] }] }, /syscalls\[0\].names: it names no system call/],
    [{ syscalls: [{ ...rule, names: ["read", ""] }] }, /syscalls\[0\].names\[1\]: a name is empty/],
    [{ syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] }, /listenerPath: SCMP_ACT_NOTIFY needs a listener/],
    [{ syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }], listenerPath: "" }, /listenerPath: SCMP_ACT_NOTIFY needs/],
    [
      { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "run/agent.sock" },
      /listenerPath: run\/agent.sock is not an absolute path/,
    ],
    [{ listenerMetadata: "x" }, /listenerMetadata: there is no listenerPath/],
    [withArg({ op: "SCMP_CMP_IN" }), /syscalls\[1\].args\[0\].op: SCMP_CMP_IN is not an operator/],
    [withArg({ op: "EQ" }), /syscalls\[1\].args\[0\].op: EQ is not an operator/],
    [withArg({ index: 6 }), /syscalls\[1\].args\[0\].index: 6 is not the number of an argument/],
    [withArg({ index: -1 }), /syscalls\[1\].args\[0\].index: -1 is not/],
    [withArg({ value: 2 ** 53 }), /syscalls\[1\].args\[0\].value: 9007199254740992 was not read exactly/],
    [withArg({ value: -1 }), /syscalls\[1\].args\[0\].value: -1 is not a number of 64 bits/],
    [withArg({ value: 1n << 64n }), /syscalls\[1\].args\[0\].value: 18446744073709551616 is not/],
    [withArg({ valueTwo: 0.5 }), /syscalls\[1\].args\[0\].valueTwo: 0.5 was not read exactly/],
  ];
  for (const [config, message] of table) {
    test(`${message.source}`, () => expect(() => program(config)).toThrow(message));
  }
});

describe("flags and listener", () => {
  const notify = { names: ["mount"], action: "SCMP_ACT_NOTIFY" };

  test("flags become the kernel's", () => {
    const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"];
    expect(compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", flags }, "x86_64").flags).toBe(7);
  });

  test("a rule that notifies asks for a listener, and passes on where it is", () => {
    const config = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [notify], listenerPath: "/a", listenerMetadata: "b" };
    const flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
    const compiled = compileSeccomp({ ...config, flags }, "x86_64");
    expect(compiled).toMatchObject({ flags: 8 | 32, listenerPath: "/a", listenerMetadata: "b" });
    expect(new Program(compiled.program).run({ arch: X86_64, number: 165 }).action).toBe(0x7fc00000);
  });

  test("a listener that no rule asks is passed over, as the specification wants", () => {
    const config = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "agent.sock", listenerMetadata: "b" };
    const { flags, listenerPath, listenerMetadata } = compileSeccomp(config, "x86_64");
    expect([flags, listenerPath, listenerMetadata]).toEqual([0, undefined, undefined]);
  });

  test("a listener may be asked about every call, newer ones included", () => {
    const config = { defaultAction: "SCMP_ACT_NOTIFY", syscalls: [allow("read")], listenerPath: "/a" };
    const filter = new Program(compileSeccomp(config, "x86_64").program);
    expect([0, 1, 5000].map((number) => filter.run({ arch: X86_64, number }).action)).toEqual([
      ALLOW,
      ...Array(2).fill(0x7fc00000),
    ]);
  });

  test("a listener with TSYNC gets its descriptor unmistakably", () => {
    const config = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [notify], listenerPath: "/a" };
    expect(compileSeccomp({ ...config, flags: ["SECCOMP_FILTER_FLAG_TSYNC"] }, "x86_64").flags).toBe(1 | 8 | 16);
  });
});

describe("size", () => {
  const values = (count: number) =>
    Array.from({ length: count }, (_, index) => when(allow("ioctl"), argument(1, "EQ", 0x5400 + 3 * index)));

  test("long lists are jumped over, near and far", () => {
    const syscalls = [...values(900), allow("read", "statx")];
    const filter = program({ syscalls, architectures: ALL_X86 });
    expect(filter.length).toBeGreaterThan(900);
    for (const index of [0, 1, 2, 500, 899]) {
      const value = BigInt(0x5400 + 3 * index);
      expect(filter.run({ arch: X86_64, number: 16, args: [0n, value] }).action).toBe(ALLOW);
      expect(filter.run({ arch: I386, number: 54, args: [0n, value] }).action).toBe(ALLOW);
      expect(filter.run({ arch: X86_64, number: 16, args: [0n, value + 1n] }).action).toBe(errno(EPERM));
    }
    expect(filter.run({ arch: X86_64, number: 0 }).action).toBe(ALLOW);
  });

  test("a filter that the kernel would not take is an error that says so", () => {
    expect(() => program({ syscalls: values(30_000) })).toThrow(/more than the kernel's limit of 4096 instructions/);
  });

  test("rules that look at all arguments in many ways do not take for ever", () => {
    const random = new Random(7);
    const conditions = () => [0, 1, 2, 3, 4, 5].map((index) => argument(index, "GT", BigInt(random.below(9)) << 31n));
    const syscalls = Array.from({ length: 100 }, () => when(allow("mount"), ...conditions()));
    const start = process.cpuUsage();
    expect(program({ syscalls }).length).toBeLessThanOrEqual(4096);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(3000);
  });

  test("a call is found in a few steps", () => {
    const names = Array.from({ length: 60 }, (_, index) => ["read", "close", "mmap", "brk", "dup", "alarm"][index % 6]);
    const filter = program({ syscalls: [allow(...names.map(String), "statx")] });
    expect(filter.run({ arch: X86_64, number: 12 }).steps).toBeLessThan(10);
  });
});

describe("random profiles", () => {
  /** What the specification says, without any of the compiler: some rule's conditions all hold. */
  function matches({ args = [] }: LinuxSyscall, values: readonly bigint[], bits: number): boolean {
    return args.every((arg) => holds(arg, values, bits));
  }

  test("decide as the specification says, also where libseccomp loses rules", () => {
    const random = new Random(1);
    const actions = ACTIONS.slice(0, 1);
    const shape = { names: ["mount"], actions, operators: OPERATORS, maxRules: 5, maxConditions: 4 };
    for (let round = 0; round < 400; round++) {
      const config = randomProfile(random, shape);
      const filter = new Program(compileSeccomp(config, "x86_64").program);
      const rules = (config.syscalls ?? []).slice(1);
      for (let call = 0; call < 60; call++) {
        const args = randomArguments(random);
        const wanted = (bits: number) => (rules.some((rule) => matches(rule, args, bits)) ? ALLOW : errno(EPERM));
        expect([config, args, filter.run({ arch: X86_64, number: 165, args }).action]).toEqual([
          config,
          args,
          wanted(64),
        ]);
        expect(filter.run({ arch: I386, number: 21, args }).action).toBe(wanted(32));
      }
    }
  });
});
