/** Conditions on arguments, `args` of a rule. runtime-spec, config-linux.md, "Seccomp"; seccomp_rule_add(3). */
import type { LinuxSeccompArg } from "../../oci/index.ts";
import { fieldError } from "./action.ts";

export type Operator = "NE" | "LT" | "LE" | "EQ" | "GE" | "GT" | "MASKED_EQ";

export interface Condition {
  readonly argument: number;
  readonly operator: Operator;
  /** What the argument, or its masked bits, are compared with. */
  readonly value: bigint;
  /** All bits but for MASKED_EQ. */
  readonly mask: bigint;
}

const ALL = (1n << 64n) - 1n;
const OPERATORS = new Set<string>(["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] satisfies Operator[]);

/**
 * @param field for messages: `linux.seccomp.syscalls[3].args[0]`
 * @throws TsboxError `invalid`
 */
export function parseCondition(config: LinuxSeccompArg, field: string): Condition {
  const { index, value, valueTwo, op } = config;
  if (!Number.isInteger(index) || index < 0 || index > 5) {
    throw fieldError(`${field}.index`, `${index} is not the number of an argument, 0 to 5`);
  }
  const operator = op.startsWith("SCMP_CMP_") ? op.slice("SCMP_CMP_".length) : "";
  if (!isOperator(operator)) throw fieldError(`${field}.op`, `${op} is not an operator`);
  const first = uint64(value, `${field}.value`);
  const second = uint64(valueTwo ?? 0, `${field}.valueTwo`);
  return operator === "MASKED_EQ"
    ? { argument: index, operator, mask: first, value: second & first }
    : { argument: index, operator, mask: ALL, value: first };
}

function isOperator(name: string): name is Operator {
  return OPERATORS.has(name);
}

/** A filter that compares with another value than the one written is worse than none: inexact numbers are refused. */
function uint64(value: number | bigint, field: string): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw fieldError(field, `${value} was not read exactly: numbers above 2^53 need exact parsing`);
  }
  const exact = BigInt(value);
  if (exact < 0n || exact > ALL) throw fieldError(field, `${value} is not a number of 64 bits`);
  return exact;
}

/** What is left of conditions for an ABI: one of 32 bits compares the low halves only, and an empty mask compares nothing. */
export function narrowTo(conditions: readonly Condition[], wide: boolean): readonly Condition[] {
  const bits = wide ? ALL : 0xffffffffn;
  return conditions
    .map((condition) => ({ ...condition, mask: condition.mask & bits, value: condition.value & bits }))
    .filter(({ mask }) => mask !== 0n)
    .sort((a, b) => a.argument - b.argument);
}

/**
 * Which of two rules of one call is tried first, where both may match; negative for `a`. libseccomp's order: later arguments
 * before earlier ones, exact values before upper bounds before lower bounds, and of bounds the tighter one.
 */
export function compareConditions(a: readonly Condition[], b: readonly Condition[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 0;
    const order = right.argument - left.argument || rank(right.operator) - rank(left.operator);
    if (order !== 0) return order;
    if (left.value !== right.value) {
      const ascending = left.operator === "LT" || left.operator === "LE";
      return left.value < right.value === ascending ? -1 : 1;
    }
  }
  return 0;
}

function rank(operator: Operator): number {
  if (operator === "LT" || operator === "LE") return 2;
  return operator === "GT" || operator === "GE" ? 1 : 3;
}
