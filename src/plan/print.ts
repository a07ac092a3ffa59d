/** A plan as text that a person can read: what `--explain` prints, and what golden tests compare. */
import { type DecodedOp, type DecodedValue, decodePlan } from "./decode.ts";
import {
  RECOVER_BUSY,
  RECOVER_DENIED,
  RECOVER_EXISTS,
  RECOVER_MISSING,
  RECOVER_OTHER,
  RECOVER_UNSUPPORTED,
} from "./format.gen.ts";
import { writeNumber } from "./notation.ts";

const RECOVERIES: readonly [number, string][] = [
  [RECOVER_MISSING, "missing"],
  [RECOVER_DENIED, "denied"],
  [RECOVER_EXISTS, "there already"],
  [RECOVER_UNSUPPORTED, "not supported"],
  [RECOVER_BUSY, "busy"],
  [RECOVER_OTHER, "anything else"],
];

/** Placeholders as words (plan.h, OP_EXPAND). */
const PLACEHOLDERS = ["{pid}", "{failed operation}", "{errno}", "{detail}", "{start time}", "{own pid}"];

/** One program after the other, one operation a line, numbered within its program. Ends in a newline. */
export function printPlan(plan: Uint8Array): string {
  const blocks = decodePlan(plan).map(({ name, ops }) => {
    const width = String(ops.length).length;
    const lines = ops.map((op, index) => `  ${String(index).padStart(width)}  ${line(op, index)}`);
    return `${name}:\n${lines.join("\n")}\n`;
  });
  return blocks.join("\n");
}

function line(op: DecodedOp, index: number): string {
  const args = op.args.map(({ name, value }) => `${name}=${argument(value, op)}`);
  const call = [op.name, ...args].join(" ");
  const recover = recovery(op, index);
  return [call, ...(recover === "" ? [] : [`[${recover}]`]), ...(op.note === undefined ? [] : [`# ${op.note}`])].join(
    "  ",
  );
}

function recovery(op: DecodedOp, index: number): string {
  if (op.name === "jump") return `go to ${op.to}`;
  if (op.recover === 0) return "";
  const words = RECOVERIES.filter(([bit]) => (op.recover & bit) !== 0).map(([, word]) => word);
  const where = op.to === index + 1 ? "go on" : `go to ${op.to}`;
  return `if ${words.length === RECOVERIES.length ? "it fails" : words.join(" or ")}, ${where}`;
}

function text(value: string, op: DecodedOp): string {
  const shown = op.expand
    ? value.replace(/[\x01-\x06]/g, (byte) => PLACEHOLDERS[byte.charCodeAt(0) - 1] ?? byte)
    : value;
  return JSON.stringify(shown);
}

function argument(value: DecodedValue, op: DecodedOp): string {
  switch (value.type) {
    case "string":
      return value.value === null ? "-" : text(value.value, op);
    case "strings":
      return `[${value.value.map((entry) => text(entry, op)).join(", ")}]`;
    case "bytes":
      return bytes(value.value, op);
    case "slot":
      return value.value === null ? "-" : `#${value.value}`;
    case "program":
      return `"${value.value}"`;
    case "number":
      return writeNumber(value.value, value.notation);
  }
}

function bytes(value: Uint8Array, op: DecodedOp): string {
  if (op.name === "seccomp" || op.name === "seccomp_notify") return `<${value.length / 8} instructions>`;
  if (op.name === "setgroups") return `[${new Uint32Array(value.slice().buffer).join(", ")}]`;
  return text(new TextDecoder().decode(value), op);
}
