/** From the rules of each ABI to one program: by architecture, by number of the call, by its arguments. */
import { BPF_JEQ, BPF_JGE, BPF_MAXINSNS } from "../../linux/abi.gen.ts";
import { BAD_ARCHITECTURE, fieldError, lets, NO_SUCH_CALL } from "./action.ts";
import { type Abi, X32_BIT } from "./architecture.ts";
import { assemble } from "./assemble.ts";
import { decide } from "./decide.ts";
import { ALL_BITS, Graph, type Node, TooManyNodes } from "./graph.ts";
import type { Rules, Verdict } from "./rules.ts";

export type RulesByAbi = ReadonlyMap<Abi, Rules>;

/** `struct seccomp_data` */
const NUMBER = 0;
const ARCHITECTURE = 4;

/** Tracers give a call this number to skip it, so it is not judged as one of x32. seccomp(2), "Caveats". */
const SKIPPED = 0xffffffff;

/** From a number on, up to where the next one begins. */
type Span = readonly [from: number, node: Node];

/**
 * @param standard the action for calls that no rule matches
 * @throws TsboxError `invalid` when the kernel would not take so many instructions
 */
export function generate(rules: RulesByAbi, standard: number): Uint8Array {
  for (const remember of [true, false]) {
    try {
      return assemble(new Generator(rules, standard, remember).root());
    } catch (error) {
      if (!(error instanceof TooManyNodes)) throw error;
    }
  }
  throw fieldError("linux.seccomp.syscalls", `they need more than the kernel's limit of ${BPF_MAXINSNS} instructions`);
}

class Generator {
  readonly #graph = new Graph(BPF_MAXINSNS);
  readonly #rules: RulesByAbi;
  readonly #remember: boolean;
  readonly #standard: Node;
  readonly #newer: Node;
  readonly #bad: Node;

  constructor(rules: RulesByAbi, standard: number, remember: boolean) {
    this.#rules = rules;
    this.#remember = remember;
    this.#standard = this.#graph.return(standard);
    // a C library tries a new call first and an older one after ENOSYS; any other error would be the program's
    this.#newer = lets(standard) ? this.#standard : this.#graph.return(NO_SUCH_CALL);
    this.#bad = this.#graph.return(BAD_ARCHITECTURE);
  }

  root(): Node {
    const byAudit = Map.groupBy(this.#rules, ([abi]) => abi.audit);
    let node = this.#bad;
    // the kernel's own architecture comes to be tested first
    for (const [value, abis] of [...byAudit].reverse()) {
      const calls = this.#search(this.#spans(abis));
      node = this.#graph.test({ word: ARCHITECTURE, operator: BPF_JEQ, mask: ALL_BITS, value }, calls, node);
    }
    return node;
  }

  /** What happens to each number of one audit architecture; x32's numbers are x86-64's with bit 30. */
  #spans(abis: readonly (readonly [Abi, Rules])[]): readonly Span[] {
    const regions: Span[] = [];
    const points = new Map<number, Node>();
    for (const [{ base, wide }, rules] of abis) {
      regions.push([base, this.#standard]);
      // a profile that names no call of this ABI does not tell old from new
      if (rules.newest > 0) regions.push([base + rules.newest + 1, this.#newer]);
      for (const [number, verdict] of rules.verdicts()) points.set(number, this.#verdict(verdict, wide));
    }
    const [first] = abis;
    if (abis.length === 1 && first?.[0].token === "SCMP_ARCH_X86_64") {
      regions.push([X32_BIT, this.#bad], [SKIPPED, this.#standard]);
    }
    return overlay(regions, points);
  }

  #verdict(verdict: Verdict, wide: boolean): Node {
    if ("always" in verdict) return this.#graph.return(verdict.always);
    return decide(this.#graph, verdict.rules, this.#standard, wide, this.#remember);
  }

  /** A binary search for the span: about seven comparisons where libseccomp's list would take hundreds. */
  #search(spans: readonly Span[]): Node {
    const middle = spans.length >> 1;
    const [value, node] = spans[middle] ?? [0, this.#standard];
    if (middle === 0) return node;
    const [from, before] = [this.#search(spans.slice(middle)), this.#search(spans.slice(0, middle))];
    return this.#graph.test({ word: NUMBER, operator: BPF_JGE, mask: ALL_BITS, value }, from, before);
  }
}

/** Single numbers laid over regions, as spans; neighbours that are decided alike become one. */
function overlay(regions: readonly Span[], points: ReadonlyMap<number, Node>): readonly Span[] {
  const borders = new Set([
    ...regions.map(([from]) => from),
    ...[...points.keys()].flatMap((point) => [point, point + 1]),
  ]);
  const spans: Span[] = [];
  let region = 0;
  for (const from of [...borders].sort((a, b) => a - b)) {
    while ((regions[region + 1]?.[0] ?? Number.POSITIVE_INFINITY) <= from) region++;
    const node = points.get(from) ?? regions[region]?.[1];
    if (node !== undefined && spans.at(-1)?.[1] !== node) spans.push([from, node]);
  }
  return spans;
}
