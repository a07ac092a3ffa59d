import { describe, expect, test } from "bun:test";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import { loadProfile } from "../../../src/runtime/seccomp/load-profile.ts";
import { defaultProfile, type Host } from "../../../src/runtime/seccomp/profile.ts";
import { Program } from "./bpf-interpreter.ts";

const X86: Host = { arch: "x86_64", kernelVersion: "6.1.0-13-amd64" };
const ARM: Host = { ...X86, arch: "aarch64" };
const NONE: ReadonlySet<string> = new Set();

const profile = (syscalls: unknown) => ({ defaultAction: "SCMP_ACT_ERRNO", syscalls });
const names = (json: unknown, capabilities = NONE, host = X86) =>
  (loadProfile(json, capabilities, host).syscalls ?? []).flatMap((rule) => rule.names);

describe("a profile in Docker's format", () => {
  test("chooses its architectures by the machine", () => {
    const json = {
      ...profile([]),
      archMap: [
        { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
        { architecture: "SCMP_ARCH_AARCH64", subArchitectures: null },
      ],
    };
    expect(loadProfile(json, NONE, X86).architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    expect(loadProfile(json, NONE, ARM).architectures).toEqual(["SCMP_ARCH_AARCH64"]);
  });

  test("includes a rule only where all of its circumstances are met", () => {
    const includes = { arches: ["amd64", "x32"], caps: ["CAP_SYS_ADMIN", "CAP_BPF"], minKernel: "5.8" };
    const json = profile([{ names: ["bpf"], action: "SCMP_ACT_ALLOW", includes }]);
    const both = new Set(["CAP_SYS_ADMIN", "CAP_BPF"]);
    expect(names(json, both)).toEqual(["bpf"]);
    expect(names(json, new Set(["CAP_BPF"]))).toEqual([]);
    expect(names(json, both, ARM)).toEqual([]);
    expect(names(json, both, { ...X86, kernelVersion: "5.7.19" })).toEqual([]);
    expect(names(json, both, { ...X86, kernelVersion: "5.10.0" })).toEqual(["bpf"]);
  });

  test("excludes a rule where any of its circumstances is met", () => {
    const excludes = { arches: ["arm64"], caps: ["CAP_SYS_ADMIN", "CAP_BPF"], minKernel: "5.8" };
    const json = profile([{ names: ["bpf"], action: "SCMP_ACT_ALLOW", excludes }]);
    const old = { ...X86, kernelVersion: "5.7" };
    expect(names(json, NONE, old)).toEqual(["bpf"]);
    expect(names(json, new Set(["CAP_BPF"]), old)).toEqual([]);
    expect(names(json, NONE, { ...old, arch: "aarch64" })).toEqual([]);
    expect(names(json, NONE, X86)).toEqual([]);
  });

  test("may be as Go writes it, with null and empty fields", () => {
    const empty = { args: null, comment: "", includes: {}, excludes: { caps: null, minKernel: "" }, errno: "" };
    const json = { ...profile([{ names: ["read"], action: "SCMP_ACT_ALLOW", ...empty }]), architectures: null };
    expect(loadProfile(json, NONE, X86)).toMatchObject({ architectures: [], syscalls: [{ names: ["read"] }] });
  });

  test("may have the one name of old profiles", () => {
    expect(names(profile([{ name: "read", action: "SCMP_ACT_ALLOW" }]))).toEqual(["read"]);
  });

  test("may have Podman's names of errors, which have precedence", () => {
    const rule = { names: ["read"], action: "SCMP_ACT_ERRNO", errno: "EINVAL", errnoRet: 1 };
    const json = { ...profile([rule]), defaultErrno: "ENOSYS", defaultErrnoRet: 1 };
    expect(loadProfile(json, NONE, X86)).toMatchObject({ defaultErrnoRet: 38, syscalls: [{ errnoRet: 22 }] });
  });

  test("leaves nothing in the result that config.json does not have", () => {
    const rule = { names: ["bpf"], action: "SCMP_ACT_ALLOW", comment: "c", includes: { arches: ["amd64"] } };
    const [loaded] = loadProfile(profile([rule]), NONE, X86).syscalls ?? [];
    expect(JSON.parse(JSON.stringify(loaded))).toEqual({ names: ["bpf"], action: "SCMP_ACT_ALLOW" });
  });
});

test("a profile in the specification's format is read as it is", () => {
  const json = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    listenerPath: "/run/agent",
    listenerMetadata: "m",
    syscalls: [
      {
        names: ["socket"],
        action: "SCMP_ACT_NOTIFY",
        args: [{ index: 0, value: 18446744073709551615n, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }],
      },
    ],
  };
  expect(loadProfile(json, NONE, X86)).toMatchObject(json);
});

describe("a profile that cannot be read is an error that names the field", () => {
  const rule = { names: ["read"], action: "SCMP_ACT_ALLOW" };
  const table: readonly (readonly [unknown, RegExp])[] = [
    [[], /it|defaultAction/],
    [null, /cannot read the seccomp profile: it: /],
    [{ syscalls: [] }, /defaultAction: /],
    [profile({}), /syscalls: /],
    [profile([rule, { ...rule, action: 1 }]), /syscalls.1.action: /],
    [profile([{ ...rule, names: "read" }]), /syscalls.0.names: /],
    [profile([{ ...rule, name: "write" }]), /syscalls.0: it has both name and names/],
    [profile([{ ...rule, args: [{ index: 0, value: 2 ** 60, op: "SCMP_CMP_EQ" }] }]), /syscalls.0.args.0.value: /],
    [profile([{ ...rule, includes: { minKernel: "new" } }]), /syscalls.0.includes.minKernel: /],
    [profile([{ ...rule, errno: "EWHAT" }]), /syscalls.0.errno: EWHAT is not the name of an error/],
    [
      { ...profile([]), architectures: ["SCMP_ARCH_ARM"], archMap: [{ architecture: "SCMP_ARCH_X86_64" }] },
      /it has both architectures and archMap/,
    ],
  ];
  for (const [json, message] of table) {
    test(message.source, () => expect(() => loadProfile(json, NONE, X86)).toThrow(message));
  }
});

describe("the default profile", () => {
  const ALLOW = 0x7fff0000;
  const EPERM = 0x50001;
  const [X86_64, AARCH64] = [0xc000003e, 0xc00000b7];
  const filter = (capabilities: readonly string[], host = X86) =>
    new Program(compileSeccomp(defaultProfile(new Set(capabilities), host), host.arch).program);

  test("allows the socket families that kernels have, but not AF_ALG, AF_VSOCK and those that are gone", () => {
    const refused = [12, 19, 20, 23, 25, 34, 37, 38, 40];
    for (const [host, arch, number] of [
      [X86, X86_64, 41],
      [ARM, AARCH64, 198],
    ] as const) {
      const program = filter([], host);
      const families = Array.from({ length: 60 }, (_, family) => family).filter(
        (family) => program.run({ arch, number, args: [BigInt(family)] }).action !== ALLOW,
      );
      expect(families).toEqual([...refused, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]);
    }
  });

  test("allows clone without namespaces only, but with CAP_SYS_ADMIN as it is", () => {
    const flags = [0x11, 0x3d0f00, 0x10000011, 0x40000000, 0x02000000, 0x00020000];
    const decided = (capabilities: readonly string[]) =>
      flags.map((value) => filter(capabilities).run({ arch: X86_64, number: 56, args: [BigInt(value)] }).action);
    expect(decided([])).toEqual([ALLOW, ALLOW, EPERM, EPERM, EPERM, EPERM]);
    expect(decided(["CAP_SYS_ADMIN"])).toEqual(Array(6).fill(ALLOW));
  });

  test("allows the personalities that change nothing dangerous", () => {
    const program = filter([]);
    const ADDR_NO_RANDOMIZE = 0x40000;
    const personas = [0, 8, 0x20000, 0x20008, 0xffffffff, ADDR_NO_RANDOMIZE, 0x1_0000_0000];
    expect(personas.map((p) => program.run({ arch: X86_64, number: 135, args: [BigInt(p)] }).action === ALLOW)).toEqual(
      [true, true, true, true, true, false, false],
    );
  });

  test("allows ptrace from Linux 4.8 on, or with its capability", () => {
    const PTRACE = 101;
    const on = (kernelVersion: string, ...capabilities: string[]) =>
      filter(capabilities, { ...X86, kernelVersion }).run({ arch: X86_64, number: PTRACE }).action;
    expect([on("4.7.10"), on("4.8.0"), on("10.0"), on("4.7", "CAP_SYS_PTRACE")]).toEqual([EPERM, ALLOW, ALLOW, ALLOW]);
  });

  test("refuses io_uring, keyrings, kexec, userfaultfd and what else reaches deep into the kernel", () => {
    const program = filter(["CAP_SYS_CHROOT"]);
    const calls = { io_uring_setup: 425, add_key: 248, keyctl: 250, kexec_load: 246, userfaultfd: 323, swapon: 167 };
    for (const [name, number] of Object.entries({ ...calls, bpf: 321, perf_event_open: 298, open_by_handle_at: 304 })) {
      expect([name, program.run({ arch: X86_64, number }).action]).toEqual([name, EPERM]);
    }
  });
});
