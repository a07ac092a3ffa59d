/** Random profiles, the same for the same seed. */
import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from "../../../src/oci/index.ts";

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `end` - 1; xorshift. */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % end;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }
}

/** Both halves of 64 bits are compared, so what matters is whether each is less, equal or greater. */
const VALUES = [
  0n,
  1n,
  2n,
  5n,
  7n,
  0xffffffffn,
  0x1_0000_0000n,
  0x1_0000_0005n,
  0x5_0000_0000n,
  0x8000_0000_8000_0000n,
  0xffff_ffff_ffff_ffffn,
];

export const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

type Action = Pick<LinuxSyscall, "action" | "errnoRet">;
export const ACTIONS: readonly Action[] = [
  { action: "SCMP_ACT_ALLOW" },
  { action: "SCMP_ACT_LOG" },
  { action: "SCMP_ACT_TRAP" },
  { action: "SCMP_ACT_KILL_PROCESS" },
  { action: "SCMP_ACT_ERRNO", errnoRet: 5 },
  { action: "SCMP_ACT_TRACE", errnoRet: 77 },
];

export interface Shape {
  /** For the calls that get rules. */
  readonly names: readonly string[];
  readonly actions: readonly Action[];
  readonly operators: readonly string[];
  readonly maxRules: number;
  readonly maxConditions: number;
}

/** Rules for one call, and one more rule, so that there are calls that the profile does not name but which are not new to it. */
export function randomProfile(random: Random, shape: Shape): LinuxSeccomp {
  const name = random.pick(shape.names);
  const syscalls = Array.from({ length: 1 + random.below(shape.maxRules) }, () => ({
    names: [name],
    ...random.pick(shape.actions),
    args: conditions(random, shape),
  }));
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["X86_64", "X86", "X32", "AARCH64", "ARM"].map((arch) => `SCMP_ARCH_${arch}`),
    syscalls: [{ names: ["exit", "getpid", "close_range"], action: "SCMP_ACT_ERRNO", errnoRet: 9 }, ...syscalls],
  };
}

function conditions(random: Random, { operators, maxConditions }: Shape): LinuxSeccompArg[] {
  const indexes = [0, 1, 2, 3, 4, 5];
  return Array.from({ length: random.below(maxConditions + 1) }, () => ({
    index: indexes.splice(random.below(indexes.length), 1)[0] ?? 0,
    op: `SCMP_CMP_${random.pick(operators)}`,
    value: random.pick(VALUES),
    valueTwo: random.pick(VALUES),
  }));
}

/** Six arguments at and beside the values that profiles compare with. */
export function randomArguments(random: Random): bigint[] {
  return Array.from({ length: 6 }, () => BigInt.asUintN(64, random.pick(VALUES) + BigInt(random.below(3) - 1)));
}

/** What a condition says, by the specification alone. @param bits of an argument */
export function holds(arg: LinuxSeccompArg, values: readonly bigint[], bits = 64): boolean {
  const value = BigInt.asUintN(bits, values[arg.index] ?? 0n);
  const first = BigInt.asUintN(bits, BigInt(arg.value));
  const second = BigInt.asUintN(bits, BigInt(arg.valueTwo ?? 0));
  const results: Record<string, boolean> = {
    SCMP_CMP_NE: value !== first,
    SCMP_CMP_LT: value < first,
    SCMP_CMP_LE: value <= first,
    SCMP_CMP_EQ: value === first,
    SCMP_CMP_GE: value >= first,
    SCMP_CMP_GT: value > first,
    SCMP_CMP_MASKED_EQ: (value & first) === (second & first),
  };
  return results[arg.op] ?? false;
}
