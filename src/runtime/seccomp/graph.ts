/**
 * A filter as a graph of decisions. Equal parts are one node, so that the many system calls which are treated alike share their
 * instructions. `assemble.ts` turns a graph into instructions.
 */
import type { BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET } from "../../linux/abi.gen.ts";

export type Node = Return | Test;

export interface Return {
  readonly kind: "return";
  readonly id: number;
  /** SECCOMP_RET_*, with its data in the low 16 bits. */
  readonly action: number;
}

export interface Test extends Comparison {
  readonly kind: "test";
  readonly id: number;
  readonly yes: Node;
  readonly no: Node;
}

export interface Comparison {
  /** Offset of a 32-bit word in `struct seccomp_data`. */
  readonly word: number;
  readonly operator: typeof BPF_JEQ | typeof BPF_JGT | typeof BPF_JGE | typeof BPF_JSET;
  /** The bits that are compared; 0xffffffff for all. */
  readonly mask: number;
  readonly value: number;
}

export const ALL_BITS = 0xffffffff;

/** Thrown when a graph grows past its limit; never leaves the compiler. */
export class TooManyNodes extends Error {}

export class Graph {
  readonly #nodes = new Map<string, Node>();
  readonly #limit: number;
  #count = 0;

  /** @param limit how many different tests there may be */
  constructor(limit: number) {
    this.#limit = limit;
  }

  return(action: number): Node {
    return this.#intern(`${action}`, (id) => ({ kind: "return", id, action }));
  }

  /**
   * The decision on one word.
   * @throws TooManyNodes
   */
  test(comparison: Comparison, yes: Node, no: Node): Node {
    if (yes === no) return yes;
    const { word, operator, mask, value } = comparison;
    return this.#intern(`${word},${operator},${mask},${value},${yes.id},${no.id}`, (id) => {
      if (++this.#count > this.#limit) throw new TooManyNodes();
      return { kind: "test", id, word, operator, mask, value, yes, no };
    });
  }

  #intern(key: string, make: (id: number) => Node): Node {
    let node = this.#nodes.get(key);
    if (node === undefined) {
      node = make(this.#nodes.size);
      this.#nodes.set(key, node);
    }
    return node;
  }
}
