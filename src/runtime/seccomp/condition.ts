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
  if (conditions.length === 0) return conditions;
  const bits = wide ? ALL : 0xffffffffn;
  return conditions
    .map((condition) => ({ ...condition, mask: condition.mask & bits, value: condition.value & bits }))
    .filter(({ mask }) => mask !== 0n)
    .sort((a, b) => a.argument - b.argument);
}

/**
 * Which of two rules of one call is tried first, where both may match; negative for `a`. This is the order of libseccomp's tree
 * (db.c: `_db_chain_lt`): later arguments before earlier ones, exact values before upper bounds before lower bounds, and of bounds
 * the tighter one; what it cannot tell apart stays in the order of the profile. It compares the upper half of a value first, and
 * the lower only where the upper halves are the same test.
 */
export function compareConditions(a: readonly Condition[], b: readonly Condition[], wide: boolean): number {
  const [left, right] = [halves(a, wide), halves(b, wide)];
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 0;
    const { condition, test } = one;
    if (test === other.test) continue;
    const order =
      other.condition.argument - condition.argument || rank(other.condition.operator) - rank(condition.operator);
    if (order !== 0 || one.value === other.value) return order;
    const ascending = condition.operator === "LT" || condition.operator === "LE";
    return one.value < other.value === ascending ? -1 : 1;
  }
  return 0;
}

function halves(conditions: readonly Condition[], wide: boolean) {
  return conditions.flatMap((condition) => {
    const { argument, operator, mask, value } = condition;
    const strict = operator === "GT" || operator === "LE" ? "above" : "atLeast";
    const kind = rank(operator) < 3 ? strict : operator === "MASKED_EQ" ? "masked" : "equal";
    const high = { condition, value: value >> 32n, test: "" };
    high.test = `${argument},high,${rank(operator) < 3 ? "" : kind},${mask >> 32n},${high.value}`;
    const low = { condition, value: value & 0xffffffffn, test: "" };
    low.test = `${argument},low,${kind},${mask & 0xffffffffn},${low.value}`;
    return wide ? [high, low] : [low];
  });
}

function rank(operator: Operator): number {
  if (operator === "LT" || operator === "LE") return 2;
  return operator === "GT" || operator === "GE" ? 1 : 3;
}
