/**
 * Writes plans (`native/plan.h`). A plan is made of programs; each runs in a process of its own, from its first operation
 * to its last.
 *
 * ```ts
 * const plan = new PlanBuilder();
 * const main = plan.program("main");
 * const child = plan.program("child");
 * const pidfd = main.slot();
 * main.add("clone", [child, CLONE_NEWUSER, pidfd, null, 1, 0]);
 * child.add("sethostname", [encode("box")], { note: "set the host name" });
 * const bytes = plan.encode();
 * ```
 */
import { TsboxError } from "../error.ts";
import {
  OP_EXPAND,
  OPS,
  type OpArguments,
  type OpName,
  PLAN_ARGS,
  PLAN_MAGIC,
  PLAN_NO_FD,
  PLAN_NO_PROGRAM,
  PLAN_SLOTS,
  PLAN_VERSION,
} from "./format.gen.ts";

/** A place for a descriptor, 0 to 63. The first three are standard input, output and error; 3 is the plan itself. */
export type Slot = number & { readonly slot: unique symbol };

// cast: these are the numbers that native/main.c fills in
export const STDIN = 0 as Slot;
export const STDOUT = 1 as Slot;
export const STDERR = 2 as Slot;
export const PLAN_FD = 3 as Slot;

/** In strings of an operation with `expand`: the decimal pid of the subject. */
export const SUBJECT_PID = "\x01";
/** In strings of the failure program: index of the failed operation, its errno, its detail (an exit status). */
export const FAILED_OP = "\x02";
export const FAILED_ERRNO = "\x03";
export const FAILED_DETAIL = "\x04";

/** A place that operations jump to; see {@link Program.label}. */
export interface Label {
  at: number | undefined;
}

export interface OpOptions {
  /** What it does in words that follow "cannot": `mount /proc`. Used in messages and by `--explain`. */
  readonly note?: string;
  /** Classes of errno (RECOVER_*) on which to go to `to` instead of failing. */
  readonly recover?: number;
  /** Where `recover` or `jump` goes; the next operation when absent. */
  readonly to?: Label;
  /** Strings have placeholders. Never set it for operations that carry strings of users or images. */
  readonly expand?: boolean;
}

interface Op {
  readonly code: number;
  readonly types: string;
  readonly args: readonly unknown[];
  readonly options: OpOptions;
}

const NAMES = Object.keys(OPS) as OpName[];
const CODES = new Map(NAMES.map((name, code) => [name, code]));
const HEADER_SIZE = 32;
const PROGRAM_SIZE = 16;
const OP_SIZE = 16 + PLAN_ARGS * 8;

export class Program {
  readonly index: number;
  readonly name: string;
  readonly ops: Op[] = [];
  #slots = 4;

  constructor(index: number, name: string, slots: number) {
    this.index = index;
    this.name = name;
    this.#slots = slots;
  }

  /** A slot of its own. Slots of a program that clones are also seen by the child, so make the child's program after them. */
  slot(): Slot {
    if (this.#slots >= PLAN_SLOTS) throw new TsboxError("internal", `cannot write plan: ${this.name} has no slot left`);
    return this.#slots++ as Slot; // cast: slots are made here
  }

  get slotsUsed(): number {
    return this.#slots;
  }

  /** Appends an operation. */
  add<Name extends OpName>(name: Name, args: OpArguments[Name], options: OpOptions = {}): this {
    // cast: CODES has every OpName, and rows of OPS are pairs of strings
    const types = (OPS[name] as readonly (readonly string[])[]).map((row) => row[1]).join("");
    this.ops.push({ code: CODES.get(name) as number, types, args, options });
    return this;
  }

  /** A label to be placed later with {@link place}. Jumps go forward only. */
  label(): Label {
    return { at: undefined };
  }

  /** Makes the label stand for the next operation. */
  place(label: Label): this {
    label.at = this.ops.length;
    return this;
  }
}

const encoder = new TextEncoder();

/** Bytes of a string, for operations that take data. */
export function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Interned strings and byte arrays behind the tables. */
class Data {
  readonly #strings = new Map<string, number>();
  #buffer: Uint8Array;
  #size: number;

  constructor(start: number) {
    this.#buffer = new Uint8Array(Math.max(16384, start * 2));
    this.#size = start;
  }

  #reserve(bytes: number): number {
    const at = (this.#size + 7) & ~7;
    if (at + bytes > this.#buffer.length) {
      const larger = new Uint8Array((at + bytes) * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#size = at + bytes;
    return at;
  }

  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new TsboxError("invalid", "cannot run: a path, argument or variable has a NUL byte");
    const bytes = encoder.encode(text);
    const at = this.#reserve(bytes.length + 1);
    this.#buffer.set(bytes, at);
    this.#strings.set(text, at);
    return at;
  }

  bytes(bytes: Uint8Array): bigint {
    // one byte more, so that data with placeholders ends like a string
    const at = this.#reserve(bytes.length + 1);
    this.#buffer.set(bytes, at);
    return BigInt(at) | (BigInt(bytes.length) << 32n);
  }

  vector(texts: readonly string[]): number {
    const offsets = texts.map((text) => this.string(text));
    const at = this.#reserve((offsets.length + 1) * 8);
    const view = new DataView(this.#buffer.buffer);
    view.setBigUint64(at, BigInt(offsets.length), true);
    for (const [i, offset] of offsets.entries()) view.setBigUint64(at + 8 + i * 8, BigInt(offset), true);
    return at;
  }

  /** The whole block, ending in a zero byte, with its tables still to be written. */
  finish(): Uint8Array {
    this.#reserve(8);
    return this.#buffer.subarray(0, this.#size);
  }
}

export class PlanBuilder {
  readonly programs: Program[] = [];
  failureProgram: Program | undefined;

  /** A new program; the first one is the first process's. `parent`'s slots stay what they are in it. */
  program(name: string, parent?: Program): Program {
    const program = new Program(this.programs.length, name, parent?.slotsUsed ?? 4);
    this.programs.push(program);
    return program;
  }

  /** The plan as bytes for the native program. */
  encode(): Uint8Array {
    const count = this.programs.reduce((sum, program) => sum + program.ops.length, 0);
    const programs = HEADER_SIZE;
    const ops = programs + this.programs.length * PROGRAM_SIZE;
    const data = new Data(ops + count * OP_SIZE);
    const words: { at: number; value: bigint }[] = [];
    const halves: { at: number; value: number }[] = [];
    let index = 0;
    for (const program of this.programs) {
      const first = index;
      const row = programs + program.index * PROGRAM_SIZE;
      halves.push({ at: row, value: first }, { at: row + 4, value: program.ops.length });
      halves.push({ at: row + 8, value: data.string(program.name) });
      for (const op of program.ops) {
        const at = ops + index * OP_SIZE;
        const { note, recover = 0, to, expand } = op.options;
        halves.push({ at, value: op.code | (recover << 16) | ((expand ? OP_EXPAND : 0) << 24) });
        halves.push({ at: at + 4, value: first + (to === undefined ? index - first + 1 : placed(program, to)) });
        halves.push({ at: at + 8, value: note === undefined ? 0 : data.string(note) });
        for (const [i, value] of op.args.entries()) {
          words.push({ at: at + 16 + i * 8, value: argument(data, op.types[i] ?? "", value) });
        }
        index++;
      }
    }
    const block = data.finish();
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    const failure = this.failureProgram?.index ?? PLAN_NO_PROGRAM;
    const header = [PLAN_MAGIC, PLAN_VERSION, block.length, this.programs.length, count, programs, ops, failure];
    for (const [i, value] of header.entries()) view.setUint32(i * 4, value, true);
    for (const { at, value } of halves) view.setUint32(at, value, true);
    for (const { at, value } of words) view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return block;
  }
}

function placed(program: Program, label: Label): number {
  if (label.at === undefined)
    throw new TsboxError("internal", `cannot write plan: a jump of ${program.name} has no target`);
  return label.at;
}

// casts: OpArguments gives the value's type for each letter, and `add` accepted nothing else
function argument(data: Data, type: string, value: unknown): bigint {
  switch (type) {
    case "s":
      return BigInt(data.string(value as string));
    case "S":
      return value === null ? 0n : BigInt(data.string(value as string));
    case "b":
      return data.bytes(value as Uint8Array);
    case "v":
      return BigInt(data.vector(value as readonly string[]));
    case "F":
      return value === null ? BigInt(PLAN_NO_FD) : BigInt(value as number);
    case "p":
      return BigInt((value as Program).index);
    default:
      return BigInt(value as number | bigint);
  }
}
