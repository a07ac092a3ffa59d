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
  CODES,
  OP_EXPAND,
  type OpArguments,
  type OpName,
  PLAN_ARGS,
  PLAN_MAGIC,
  PLAN_NO_FD,
  PLAN_NO_PROGRAM,
  PLAN_SLOTS,
  PLAN_VERSION,
  TYPES,
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
/** In strings and data of an operation with `expand`: when the subject started, as field 22 of /proc/PID/stat has it. */
export const SUBJECT_START = "\x05";
/** In data of an operation with `expand`: the pid of the process that carries it out, in its own pid namespace. */
export const OWN_PID = "\x06";

/** In data of an operation with `expand`: milliseconds since 1970, and the exit status of the process that was waited for. */
export const TIME_OF_DAY = "\x07";
export const EXIT_STATUS = "\x08";

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
  readonly args: readonly unknown[];
  readonly options: OpOptions;
}

const HEADER_SIZE = 32;
const PROGRAM_SIZE = 16;
const OP_SIZE = 16 + PLAN_ARGS * 8;

export class Program {
  /** Its place in the plan; set by {@link PlanBuilder}. */
  index: number;
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
    this.ops.push({ code: CODES[name], args, options });
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

/**
 * Strings of a plan, each once, as one text that is encoded in one step: a call for each would take most of the time that
 * a plan takes. Offsets are in bytes from the text's start.
 */
class Texts {
  readonly #offsets = new Map<string, number>();
  #size = 0;
  /** Whether every string was ASCII so far, whose length in bytes needs no look. */
  #measured = false;

  add(text: string): void {
    if (this.#offsets.has(text)) return;
    this.#offsets.set(text, this.#size);
    this.#size += (this.#measured ? Buffer.byteLength(text) : text.length) + 1;
  }

  at(text: string): number {
    const offset = this.#offsets.get(text);
    if (offset === undefined) throw new TsboxError("internal", "cannot write plan: a string was not collected");
    return offset;
  }

  /** All strings, each ended by a NUL. */
  encode(): Uint8Array {
    const texts = [...this.#offsets.keys()];
    const whole = `${texts.join("\0")}\0`;
    const bytes = encoder.encode(whole);
    // no string has a NUL of its own, or a path would end early
    if (whole.split("\0").length !== texts.length + 1) {
      throw new TsboxError("invalid", "cannot run: a path, argument or variable has a NUL byte");
    }
    if (bytes.length === this.#size) return bytes;
    this.#offsets.clear();
    this.#size = 0;
    this.#measured = true;
    for (const text of texts) this.add(text);
    return bytes;
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

  /** Makes a program come after all that there are now, so that those may clone it. */
  moveLast(program: Program): void {
    this.programs.splice(this.programs.indexOf(program), 1);
    this.programs.push(program);
    for (let i = 0; i < this.programs.length; i++) {
      const each = this.programs[i];
      if (each !== undefined) each.index = i;
    }
  }

  /** The plan as bytes for the native program. */
  encode(): Uint8Array {
    const texts = new Texts();
    let count = 0;
    let dataSize = 0;
    for (const program of this.programs) {
      texts.add(program.name);
      count += program.ops.length;
      for (const op of program.ops) dataSize += collect(texts, op);
    }
    const text = texts.encode();
    const programs = HEADER_SIZE;
    const ops = programs + this.programs.length * PROGRAM_SIZE;
    const data = ops + count * OP_SIZE;
    const textAt = data + dataSize;
    const size = (textAt + text.length + 8) & ~7; // at least one zero byte at the end, as the decoder wants
    const block = new Uint8Array(size);
    block.set(text, textAt);
    const writer: Writer = { block, words: new Uint32Array(block.buffer), texts, textAt, data };

    const failure = this.failureProgram?.index ?? PLAN_NO_PROGRAM;
    writer.words.set([PLAN_MAGIC, PLAN_VERSION, size, this.programs.length, count, programs, ops, failure]);
    let first = 0;
    for (const program of this.programs) {
      const row = [first, program.ops.length, textAt + texts.at(program.name)];
      writer.words.set(row, (programs + program.index * PROGRAM_SIZE) / 4);
      for (let i = 0; i < program.ops.length; i++) {
        const op = program.ops[i];
        if (op !== undefined) writeOp(writer, (ops + (first + i) * OP_SIZE) / 4, program, op, first, i);
      }
      first += program.ops.length;
    }
    return block;
  }
}

/** Collects an operation's strings and returns how many bytes its arrays need, in multiples of 8. */
function collect(texts: Texts, op: Op): number {
  if (op.options.note !== undefined) texts.add(op.options.note);
  let bytes = 0;
  for (let i = 0; i < op.args.length; i++) {
    const value = op.args[i];
    if (typeof value === "string") texts.add(value);
    else if (value instanceof Uint8Array) bytes += (value.length + 8) & ~7;
    else if (Array.isArray(value)) {
      for (const text of value) texts.add(text);
      bytes += (value.length + 1) * 8;
    }
  }
  return bytes;
}

interface Writer {
  readonly block: Uint8Array;
  /** The same memory, four bytes at a time; x86-64 and arm64 are little-endian, as the plan is. */
  readonly words: Uint32Array;
  readonly texts: Texts;
  readonly textAt: number;
  /** Where the next array goes. */
  data: number;
}

function writeOp(writer: Writer, at: number, program: Program, op: Op, first: number, index: number): void {
  const { words, texts, textAt } = writer;
  const { note, recover = 0, to, expand } = op.options;
  words[at] = op.code | (recover << 16) | ((expand ? OP_EXPAND : 0) << 24);
  words[at + 1] = first + (to === undefined ? index + 1 : placed(program, to));
  words[at + 2] = note === undefined ? 0 : textAt + texts.at(note);
  for (let i = 0; i < op.args.length; i++) {
    const value = op.args[i];
    // an absent string is 0, an absent descriptor a number of its own
    if (value === null) words[at + 4 + i * 2] = TYPES[op.code]?.[i] === "F" ? PLAN_NO_FD : 0;
    else writeArgument(writer, at + 4 + i * 2, value);
  }
}

/** An argument tells by its JavaScript type what it is; `add` checked it against the operation's signature. */
function writeArgument(writer: Writer, at: number, value: unknown): void {
  const { words, texts, textAt } = writer;
  if (typeof value === "number") {
    words[at] = value; // a negative one wraps as two's complement does
    words[at + 1] = Math.floor(value / 4294967296);
  } else if (typeof value === "string") words[at] = textAt + texts.at(value);
  else if (typeof value === "bigint") {
    words[at] = Number(value & 0xffffffffn);
    words[at + 1] = Number((value >> 32n) & 0xffffffffn);
  } else if (value instanceof Program) words[at] = value.index;
  else if (value instanceof Uint8Array) {
    words[at] = writer.data;
    words[at + 1] = value.length;
    writer.block.set(value, writer.data);
    writer.data += (value.length + 8) & ~7; // one zero byte at least, for data with placeholders
  } else if (Array.isArray(value)) {
    words[at] = writer.data;
    words[writer.data / 4] = value.length;
    for (let i = 0; i < value.length; i++) words[writer.data / 4 + 2 + i * 2] = textAt + texts.at(value[i]);
    writer.data += (value.length + 1) * 8;
  }
}

function placed(program: Program, label: Label): number {
  if (label.at === undefined)
    throw new TsboxError("internal", `cannot write plan: a jump of ${program.name} has no target`);
  return label.at;
}
