/**
 * Turns a graph of decisions into classic BPF, `struct sock_filter` by `struct sock_filter`. linux/filter.h,
 * Documentation/networking/filter.rst.
 *
 * A conditional jump reaches 255 instructions forward and no instruction jumps back. So code is written from its end to its
 * beginning: whatever a jump leads to is there already, and where it is too far away a copy of it (when it is one instruction) or
 * a long jump to it is put in between.
 */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JA,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_MAXINSNS,
  BPF_RET,
  BPF_W,
} from "../../linux/abi.gen.ts";
import { ALL_BITS, type Node, type Test, TooManyNodes } from "./graph.ts";

const REACH = 255;
const INSTRUCTION = 8;

/**
 * @returns the program, little-endian, as both architectures are
 * @throws TooManyNodes when it would have more instructions than the kernel takes
 */
export function assemble(root: Node): Uint8Array {
  const code = new Code(loading(root));
  code.place(root);
  return code.bytes();
}

/** The tests that are reached with something else than their word in the accumulator. */
function loading(root: Node): ReadonlySet<Node> {
  const found = new Set([root]);
  const seen = new Set<Node>();
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === "return" || seen.has(node)) continue;
    seen.add(node);
    for (const next of [node.yes, node.no]) {
      if (next.kind === "test" && (next.word !== node.word || !keeps(node))) found.add(next);
      pending.push(next);
    }
  }
  return found;
}

/** Positions count instructions from the end of the program: the last one is 1. */
class Code {
  readonly #instructions: { code: number; yes: number; no: number; k: number }[] = [];
  readonly #placed = new Set<Node>();
  /** Where a node begins. */
  readonly #entry = new Map<Node, number>();
  /** Where a test begins for those who have its word loaded already. */
  readonly #loaded = new Map<Test, number>();
  readonly #loading: ReadonlySet<Node>;

  constructor(loading: ReadonlySet<Node>) {
    this.#loading = loading;
  }

  place(node: Node): void {
    if (this.#placed.has(node)) return;
    this.#placed.add(node);
    if (node.kind === "return") {
      this.#entry.set(node, this.#add(BPF_RET | BPF_K, node.action));
      return;
    }
    this.place(node.no);
    this.place(node.yes);
    const near = (target: Node, reach: number) => this.#near(target, keeps(node) ? node.word : -1, reach);
    // what is added on the way to one target moves the other away, by one instruction
    near(node.yes, REACH - 1);
    const no = near(node.no, REACH);
    const yes = near(node.yes, REACH);
    const here = this.#instructions.length;
    const masked = node.mask !== ALL_BITS && node.operator !== BPF_JSET;
    const value = node.operator === BPF_JSET ? node.mask : node.value;
    this.#add(BPF_JMP | node.operator | BPF_K, value, here - yes, here - no);
    if (masked) this.#add(BPF_ALU | BPF_AND | BPF_K, node.mask);
    this.#loaded.set(node, this.#instructions.length);
    if (this.#loading.has(node)) this.#entry.set(node, this.#add(BPF_LD | BPF_W | BPF_ABS, node.word));
  }

  /** A position that a conditional jump, if it is the next to be added, can reach and that leads to the target. */
  #near(target: Node, word: number, reach: number): number {
    const loaded = target.kind === "test" && target.word === word ? this.#loaded.get(target) : undefined;
    const position = loaded ?? this.#entry.get(target) ?? 0;
    const distance = this.#instructions.length - position;
    if (distance <= reach) return position;
    if (target.kind === "test") {
      const jump = this.#add(BPF_JMP | BPF_JA, distance);
      if (loaded === undefined) this.#entry.set(target, jump);
      else this.#loaded.set(target, jump);
      return jump;
    }
    const copy = this.#add(BPF_RET | BPF_K, target.action);
    this.#entry.set(target, copy);
    return copy;
  }

  #add(code: number, k: number, yes = 0, no = 0): number {
    if (this.#instructions.length === BPF_MAXINSNS) throw new TooManyNodes();
    return this.#instructions.push({ code, yes, no, k });
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#instructions.length * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    for (const [index, { code, yes, no, k }] of this.#instructions.reverse().entries()) {
      view.setUint16(index * INSTRUCTION, code, true);
      view.setUint8(index * INSTRUCTION + 2, yes);
      view.setUint8(index * INSTRUCTION + 3, no);
      view.setUint32(index * INSTRUCTION + 4, k, true);
    }
    return bytes;
  }
}

/** Whether the accumulator still holds the word after the test: BPF_AND changes it, BPF_JSET does not. */
function keeps(test: Test): boolean {
  return test.mask === ALL_BITS || test.operator === BPF_JSET;
}
