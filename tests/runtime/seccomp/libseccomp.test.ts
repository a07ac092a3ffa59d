/** The compiled programs decide as libseccomp's do, for every call and for arguments at every border. */
import { afterAll, describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { TsboxError } from "../../../src/error.ts";
import type { LinuxSeccomp } from "../../../src/oci/index.ts";
import { parseAction } from "../../../src/runtime/seccomp/action.ts";
import type { Architecture } from "../../../src/runtime/seccomp/architecture.ts";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import { loadProfile } from "../../../src/runtime/seccomp/load-profile.ts";
import { defaultProfile, type Host } from "../../../src/runtime/seccomp/profile.ts";
import { type Requirement, requires } from "../../support/skip.ts";
import { type Call, Program } from "./bpf-interpreter.ts";
import { AUDIT_ARCHITECTURES, Expectation, interestingNumbers } from "./compare.ts";
import { Endless, libseccomp, libseccompProgram, removeTool } from "./libseccomp.ts";
import { ACTIONS, holds, OPERATORS, Random, randomArguments, randomProfile, type Shape } from "./random.ts";

afterAll(removeTool);

const PODMAN_PROFILE = "/usr/share/containers/seccomp.json";
const podmanProfile: Requirement = {
  what: `${PODMAN_PROFILE} (golang-github-containers-common)`,
  inCI: true,
  met: () => existsSync(PODMAN_PROFILE),
};

const ARCHITECTURES: readonly Architecture[] = ["x86_64", "aarch64"];

const CAPABILITIES: readonly (readonly string[])[] = [
  [],
  ["CAP_SYS_CHROOT", "CAP_AUDIT_WRITE"],
  ["CAP_SYS_ADMIN"],
  ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_SYS_TIME", "CAP_DAC_READ_SEARCH"],
  ["CAP_SYSLOG", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_NICE", "CAP_SYS_RAWIO", "CAP_SYS_BOOT", "CAP_SYS_PACCT"],
];

/** socket(AF_ALG), socket(AF_NETLINK, ..., NETLINK_AUDIT), personalities, clone flags, and what is beside them. */
const ARGUMENTS: readonly (readonly bigint[])[] = [
  [0n, 0n, 0n],
  [11n],
  [12n],
  [13n],
  [16n, 3n, 9n],
  [38n],
  [39n],
  [40n],
  [45n],
  [46n],
  [0x1_0000_0026n],
  [0x20008n],
  [0xffff_ffffn],
  [0xffff_ffff_ffff_ffffn],
  [0x11n],
  [0x80n],
  [0x1000_0000n],
  [0x1_1000_0000n],
];

/** @returns differences, as text, and how many calls were compared */
function differences(config: LinuxSeccomp, arch: Architecture, calls: Iterable<Call>) {
  const theirs = libseccompProgram(config, arch);
  if (theirs === undefined) throw new Error("libseccomp sees a contradiction");
  const expectation = new Expectation(config, arch, new Program(theirs));
  const ours = new Program(compileSeccomp(config, arch).program);
  const found: string[] = [];
  let compared = 0;
  for (const call of calls) {
    const wanted = expectation.of(call);
    if (wanted === undefined) continue;
    compared++;
    const { action } = ours.run(call);
    if (action === wanted) continue;
    const text = (value: number | bigint) => value.toString(16);
    found.push(`${text(call.arch)} ${text(call.number)}(${call.args?.map(text)}) ${text(action)} not ${text(wanted)}`);
  }
  return { found, compared };
}

function* allCalls(arch: Architecture): Iterable<Call> {
  const numbers = interestingNumbers(arch);
  for (const audit of AUDIT_ARCHITECTURES)
    for (const number of numbers) for (const args of ARGUMENTS) yield { arch: audit, number, args };
}

for (const arch of ARCHITECTURES) {
  const host: Host = { arch, kernelVersion: "6.1" };
  for (const names of CAPABILITIES) {
    const capabilities = new Set(names);
    const title = `${arch}, ${names.length === 0 ? "no capabilities" : names.join(" ")}`;
    requires(libseccomp)(`the default profile decides as libseccomp's program of it: ${title}`, () => {
      const { found, compared } = differences(defaultProfile(capabilities, host), arch, allCalls(arch));
      expect(found.slice(0, 5)).toEqual([]);
      expect(compared).toBeGreaterThan(50_000);
    });
    requires(libseccomp, podmanProfile)(`Podman's profile decides as libseccomp's program of it: ${title}`, () => {
      const profile = loadProfile(JSON.parse(readFileSync(PODMAN_PROFILE, "utf8")), capabilities, host);
      const { found, compared } = differences(profile, arch, allCalls(arch));
      expect(found.slice(0, 5)).toEqual([]);
      expect(compared).toBeGreaterThan(50_000);
    });
  }
}

describe("random profiles decide as libseccomp's programs of them", () => {
  const test = requires(libseccomp);
  const names = ["read", "ioctl", "mount", "clone", "socket", "semop", "shmat", "prctl"];
  // with several conditions in several rules, or overlapping rules with different actions, libseccomp loses some of them
  const shapes: Readonly<Record<string, Shape>> = {
    "one rule, all operators": { names, actions: ACTIONS, operators: OPERATORS, maxRules: 1, maxConditions: 6 },
    "rules of one condition": {
      names,
      actions: ACTIONS.slice(0, 1),
      operators: OPERATORS,
      maxRules: 5,
      maxConditions: 1,
    },
    "rules of several conditions": {
      names,
      actions: ACTIONS.slice(4, 5),
      operators: ["EQ", "MASKED_EQ"],
      maxRules: 4,
      maxConditions: 3,
    },
    "different actions": {
      names: names.slice(0, 4),
      actions: ACTIONS,
      operators: ["EQ"],
      maxRules: 5,
      maxConditions: 2,
    },
  };
  for (const [title, shape] of Object.entries(shapes)) {
    test(title, () => {
      const random = new Random(20261121);
      let compared = 0;
      let refused = 0;
      for (let round = 0; round < 60; round++) {
        const arch = random.pick(ARCHITECTURES);
        const config = randomProfile(random, shape);
        if (libseccompProgram(config, arch) === undefined) {
          refused++;
          expect(() => compileSeccomp(config, arch)).toThrow(TsboxError);
          continue;
        }
        const result = differences(config, arch, randomCalls(random));
        expect([config, result.found.slice(0, 3)]).toEqual([config, []]);
        compared += result.compared;
      }
      expect(compared).toBeGreaterThan(100_000);
      expect(refused).toBeLessThan(30);
    }, 60_000);
  }
});

/**
 * With overlapping rules of several conditions libseccomp passes over some rules, and lets some calls through that no rule matches.
 * There the specification decides: a call gets the action of a rule whose conditions all hold, or the default.
 */
describe("where libseccomp's program and the compiled one differ, the compiled one is what the specification says", () => {
  const shapes: Readonly<Record<string, Shape>> = {
    "one action": {
      names: ["mount"],
      actions: ACTIONS.slice(0, 1),
      operators: OPERATORS,
      maxRules: 5,
      maxConditions: 4,
    },
    "bounds that overlap": { names: ["mount"], actions: ACTIONS, operators: OPERATORS, maxRules: 5, maxConditions: 1 },
    "different actions": { names: ["mount"], actions: ACTIONS, operators: OPERATORS, maxRules: 5, maxConditions: 4 },
  };
  for (const [title, shape] of Object.entries(shapes)) {
    requires(libseccomp)(
      title,
      () => {
        const random = new Random(5);
        let [compared, different, endless] = [0, 0, 0];
        for (let round = 0; round < 250; round++) {
          const config = randomProfile(random, shape);
          let theirs: Uint8Array | undefined;
          try {
            theirs = libseccompProgram(config, "x86_64");
          } catch (error) {
            if (!(error instanceof Endless)) throw error;
            endless++;
          }
          if (theirs === undefined) continue;
          const programs = [new Program(compileSeccomp(config, "x86_64").program), new Program(theirs)];
          for (let call = 0; call < 60; call++) {
            const args = randomArguments(random);
            const [ours, other] = programs.map((each) => each.run({ arch: 0xc000003e, number: 165, args }).action);
            compared++;
            if (ours === other) continue;
            different++;
            expect([config, args, specified(config, args)]).toEqual([config, args, expect.arrayContaining([ours])]);
          }
        }
        expect(compared).toBeGreaterThan(14_000);
        expect(different).toBeWithin(1, compared / 200);
        expect(endless).toBeLessThan(3);
      },
      60_000,
    );
  }
});

/** The actions of the rules for mount(2) whose conditions all hold, or else the default. */
function specified(
  { defaultAction, defaultErrnoRet, syscalls = [] }: LinuxSeccomp,
  values: readonly bigint[],
): number[] {
  const found = syscalls
    .filter(({ names, args = [] }) => names.includes("mount") && args.every((arg) => holds(arg, values)))
    .map(({ action, errnoRet }) => parseAction(action, errnoRet, "", ""));
  return found.length > 0 ? found : [parseAction(defaultAction, defaultErrnoRet, "", "")];
}

/** Numbers of the calls in the names above, in each ABI, with many arguments. */
const NUMBERS = [0, 3, 16, 21, 29, 30, 40, 41, 54, 56, 63, 65, 102, 117, 120, 157, 165, 167, 172, 193, 196, 198, 220];
const MORE_NUMBERS = [281, 298, 305, 359, 397, 0x40000000, 0x40000029, 0x40000202, 0x400000a5, 0x40000038, 0x4000009d];

function* randomCalls(random: Random): Iterable<Call> {
  for (const arch of AUDIT_ARCHITECTURES.slice(0, 4))
    for (const number of [...NUMBERS, ...MORE_NUMBERS])
      for (let round = 0; round < 40; round++) yield { arch, number, args: randomArguments(random) };
}
