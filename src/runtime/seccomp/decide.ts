/**
 * The decision about one system call by its arguments. What earlier tests have shown is remembered, so that a list of values does
 * not test the upper half again for each of them.
 */
import { BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET } from "../../linux/abi.gen.ts";
import type { Condition } from "./condition.ts";
import { ALL_BITS, type Comparison, type Graph, type Node, TooManyNodes } from "./graph.ts";
import type { Rule } from "./rules.ts";

/** `args` in `struct seccomp_data`, little-endian. */
const ARGUMENTS = 16;

/** The remembering search goes as deep as there are conditions, on the stack. */
const MAX_DEPTH = 1000;

/** It also branches: hostile profiles double the work with each condition. */
const MAX_STATES = 20_000;

/** What a word is known to be, from where to where. */
type Range = readonly [least: number, greatest: number];
type Known = ReadonlyMap<number, Range>;
type Continuation = (known: Known) => Node;

const NOTHING: Known = new Map();

/**
 * @param wide whether arguments have 64 bits
 * @param remember false for the larger but surely linear result
 * @returns the action of the first rule that matches, else `otherwise`
 * @throws TooManyNodes
 */
export function decide(graph: Graph, rules: readonly Rule[], otherwise: Node, wide: boolean, remember: boolean): Node {
  const depth = rules.reduce((sum, rule) => sum + rule.conditions.length, 0);
  const remembers = remember && depth <= MAX_DEPTH;
  const decision = new Decision(graph, rules, otherwise, wide, remembers);
  // from the last to the first, so that each finds its successor decided
  if (!remembers) for (let rule = rules.length - 1; rule > 0; rule--) decision.from(rule, 0, NOTHING);
  return decision.from(0, 0, NOTHING);
}

class Decision {
  readonly #graph: Graph;
  readonly #rules: readonly Rule[];
  readonly #otherwise: Node;
  readonly #wide: boolean;
  readonly #remember: boolean;
  readonly #decided = new Map<string, Node>();

  constructor(graph: Graph, rules: readonly Rule[], otherwise: Node, wide: boolean, remember: boolean) {
    this.#graph = graph;
    this.#rules = rules;
    this.#otherwise = otherwise;
    this.#wide = wide;
    this.#remember = remember;
  }

  /** From the condition of a rule on, all before it having held, and all rules before it not matching. */
  from(index: number, condition: number, known: Known): Node {
    const rule = this.#rules[index];
    if (rule === undefined) return this.#otherwise;
    const next = rule.conditions[condition];
    if (next === undefined) return this.#graph.return(rule.action);
    const key = `${index},${condition},${[...known].join(";")}`;
    const before = this.#decided.get(key);
    if (before !== undefined) return before;
    if (this.#decided.size >= MAX_STATES) throw new TooManyNodes();
    const node = this.#condition(
      next,
      known,
      (facts) => this.from(index, condition + 1, facts),
      (facts) => this.from(index + 1, 0, facts),
    );
    this.#decided.set(key, node);
    return node;
  }

  #condition(condition: Condition, known: Known, yes: Continuation, no: Continuation): Node {
    const low = ARGUMENTS + 8 * condition.argument;
    const lowWord = {
      word: low,
      mask: Number(condition.mask & 0xffffffffn),
      value: Number(condition.value & 0xffffffffn),
    };
    const highWord = { word: low + 4, mask: Number(condition.mask >> 32n), value: Number(condition.value >> 32n) };
    // with 32 bits the upper half is not looked at
    const high = this.#wide ? highWord : undefined;
    switch (condition.operator) {
      case "EQ":
      case "MASKED_EQ":
        return this.#equal(high, lowWord, known, yes, no);
      case "NE":
        return this.#equal(high, lowWord, known, no, yes);
      case "GT":
        return this.#above(BPF_JGT, high, lowWord, known, yes, no);
      case "GE":
        return this.#above(BPF_JGE, high, lowWord, known, yes, no);
      case "LE":
        return this.#above(BPF_JGT, high, lowWord, known, no, yes);
      case "LT":
        return this.#above(BPF_JGE, high, lowWord, known, no, yes);
    }
  }

  #equal(high: Word | undefined, low: Word, known: Known, yes: Continuation, no: Continuation): Node {
    const lower = (facts: Known) => this.#sameBits(low, facts, yes, no);
    return high === undefined ? lower(known) : this.#sameBits(high, known, lower, no);
  }

  #above(operator: Above, high: Word | undefined, low: Word, known: Known, yes: Continuation, no: Continuation): Node {
    const lower = (facts: Known) => this.#test({ ...low, operator }, facts, yes, no);
    if (high === undefined) return lower(known);
    return this.#test({ ...high, operator: BPF_JGT }, known, yes, (facts) =>
      this.#test({ ...high, operator: BPF_JEQ }, facts, lower, no),
    );
  }

  #sameBits(word: Word, known: Known, yes: Continuation, no: Continuation): Node {
    if (word.mask === 0) return yes(known);
    if (word.mask !== ALL_BITS && word.value === 0) return this.#test({ ...word, operator: BPF_JSET }, known, no, yes);
    return this.#test({ ...word, operator: BPF_JEQ }, known, yes, no);
  }

  #test(comparison: Comparison, known: Known, yes: Continuation, no: Continuation): Node {
    const { word, operator, value } = comparison;
    const range = known.get(word) ?? [0, ALL_BITS];
    const [least, greatest] = range;
    if (comparison.mask !== ALL_BITS) return this.#graph.test(comparison, yes(known), no(known));
    if (operator === BPF_JEQ) {
      if (value < least || value > greatest) return no(known);
      if (least === greatest) return yes(known);
      const rest: Range = [value === least ? least + 1 : least, value === greatest ? greatest - 1 : greatest];
      return this.#graph.test(
        comparison,
        yes(this.#learn(known, word, [value, value])),
        no(this.#learn(known, word, rest)),
      );
    }
    // above: from `bound` on
    const bound = operator === BPF_JGT ? value + 1 : value;
    if (bound <= least) return yes(known);
    if (bound > greatest) return no(known);
    const above = this.#learn(known, word, [bound, greatest]);
    return this.#graph.test(comparison, yes(above), no(this.#learn(known, word, [least, bound - 1])));
  }

  #learn(known: Known, word: number, range: Range): Known {
    return this.#remember ? new Map([...known].filter(([other]) => other !== word)).set(word, range) : known;
  }
}

type Word = Omit<Comparison, "operator">;
type Above = typeof BPF_JGT | typeof BPF_JGE;
