/** Compares the compiled program of a profile with libseccomp's, call by call. */
import type { LinuxSeccomp } from "../../../src/oci/index.ts";
import { BAD_ARCHITECTURE, lets, NO_SUCH_CALL, parseAction } from "../../../src/runtime/seccomp/action.ts";
import {
  type Abi,
  ARM_PRIVATE,
  type Architecture,
  chooseAbis,
  multiplexedCall,
  syscallNumbers,
  X32_BIT,
} from "../../../src/runtime/seccomp/architecture.ts";
import type { Call, Program } from "./bpf-interpreter.ts";
import { resolveNumbers } from "./libseccomp.ts";

const SKIPPED = 0xffffffff;

/** Calls that libseccomp of this machine is too old to know, so that its answer says nothing. */
const unknown = new Map<string, ReadonlySet<number>>();

export function numbersUnknownToLibseccomp(abi: Abi): ReadonlySet<number> {
  return unknown.getOrInsertComputed(abi.token, () => {
    const names = [...syscallNumbers(abi).keys()];
    const numbers = resolveNumbers(names, abi.token);
    return new Set(names.filter((_, index) => numbers[index] === -1).map((name) => numberOf(abi, name)));
  });
}

function numberOf(abi: Abi, name: string): number {
  return (syscallNumbers(abi).get(name) ?? -1) + abi.base;
}

/** What runc adds in front of libseccomp's program: calls newer than all that the profile names fail with ENOSYS. */
export class Expectation {
  readonly #reference: Program;
  readonly #standard: number;
  /** The last number that each ABI's part of the profile names. */
  readonly #newest: readonly (readonly [abi: Abi, number: number])[];

  constructor(config: LinuxSeccomp, arch: Architecture, reference: Program) {
    this.#reference = reference;
    this.#standard = parseAction(config.defaultAction, config.defaultErrnoRet, "", "");
    const names = (config.syscalls ?? []).flatMap((syscall) => syscall.names);
    this.#newest = chooseAbis(arch, config.architectures ?? []).map((abi) => {
      const counted = abi.multiplexed ? names.filter((name) => multiplexedCall(name) === undefined) : names;
      const numbers = counted
        .map((name) => syscallNumbers(abi).get(name) ?? 0)
        .filter((number) => number < ARM_PRIVATE);
      return [abi, Math.max(0, ...numbers)];
    });
  }

  /** @returns undefined where libseccomp cannot know */
  of(call: Call): number | undefined {
    const abis = this.#newest.filter(([abi]) => abi.audit === call.arch);
    const [first, second] = abis;
    const entry = call.number >= X32_BIT && second !== undefined ? second : first;
    if (entry === undefined) return BAD_ARCHITECTURE;
    const [abi, newest] = entry;
    if (numbersUnknownToLibseccomp(abi).has(call.number)) return undefined;
    const { action } = this.#reference.run(call);
    const isForeign = abi.token === "SCMP_ARCH_X86_64" && call.number >= X32_BIT;
    if (isForeign || newest === 0 || call.number - abi.base <= newest || lets(this.#standard)) return action;
    // rules for arm's private calls stay
    return action === this.#standard ? NO_SUCH_CALL : action;
  }
}

/** Numbers at and around every border, and many that no call has. */
export function interestingNumbers(arch: Architecture): readonly number[] {
  const small = Array.from({ length: 620 }, (_, number) => number);
  const special = [0x3fffffff, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffffffe, SKIPPED, 0xf0000, 1 << 20];
  const other =
    arch === "aarch64" ? Array.from({ length: 16 }, (_, index) => ARM_PRIVATE + index) : small.map((n) => n + X32_BIT);
  return [...small, ...special, ...other];
}

/** Architectures as the kernel gives them, two of them foreign. */
export const AUDIT_ARCHITECTURES = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028, 0x80000016, 0];
