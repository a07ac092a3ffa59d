/** The rules of one ABI, put together as libseccomp does it (db.c: `db_rule_add`), because that is what profiles were written for. */
import { fieldError } from "./action.ts";
import { type Abi, ARM_PRIVATE, multiplexedCall, syscallNumbers } from "./architecture.ts";
import { type Condition, compareConditions, narrowTo } from "./condition.ts";

export interface Rule {
  readonly conditions: readonly Condition[];
  readonly action: number;
  /** For messages. */
  readonly field: string;
}

/** What happens to one system call: always the same, or what the first rule that matches says. */
export type Verdict = { readonly always: number } | { readonly rules: readonly Rule[] };

/** The rules with conditions for one call. */
interface Conditional {
  /** By their conditions. */
  readonly rules: Map<string, Rule>;
  /** By what they begin with: for each action the first of the rules with more conditions. */
  readonly longer: Map<string, Map<number, Rule>>;
}

export class Rules {
  readonly #abi: Abi;
  readonly #always = new Map<number, number>();
  readonly #conditional = new Map<number, Conditional>();
  #newest = 0;

  constructor(abi: Abi) {
    this.#abi = abi;
  }

  /** The highest number that the profile names, whatever it says of it; 0 for none. Calls beyond it are newer than the profile. */
  get newest(): number {
    return this.#newest;
  }

  /** Notes that the profile knows this call. A multiplexed call has no number of its own, as with libseccomp. */
  mention(name: string): void {
    const number = syscallNumbers(this.#abi).get(name);
    if (number === undefined || number >= ARM_PRIVATE) return;
    if (this.#abi.multiplexed && multiplexedCall(name) !== undefined) return;
    this.#newest = Math.max(this.#newest, number);
  }

  /**
   * Adds a rule for a call; one that this ABI does not have is passed over, as runc does.
   * @throws TsboxError `invalid` when it contradicts an earlier rule in a way that libseccomp refuses
   */
  add(name: string, rule: Rule): void {
    const numbers = syscallNumbers(this.#abi);
    const other = this.#abi.multiplexed ? multiplexedCall(name) : undefined;
    const multiplexer = other === undefined ? undefined : numbers.get(other.through);
    if (other !== undefined && multiplexer !== undefined) {
      // the call's own arguments are behind a pointer; only the first one, which the multiplexer needs itself, is replaced
      const call: Condition = { argument: 0, operator: "EQ", value: BigInt(other.call), mask: 0xffffffffn };
      const conditions = [call, ...rule.conditions.filter(({ argument }) => argument !== 0)];
      this.#addTo(multiplexer, name, { ...rule, conditions });
    }
    const number = numbers.get(name);
    if (number !== undefined) this.#addTo(number, name, rule);
  }

  #addTo(number: number, name: string, { action, field, ...rule }: Rule): void {
    // a rule without conditions replaces those with conditions, and nothing replaces it
    if (this.#always.has(number)) return;
    const conditions = narrowTo(rule.conditions, this.#abi.wide);
    if (conditions.length === 0) {
      this.#conditional.delete(number);
      this.#always.set(number, action);
      return;
    }
    const call = this.#conditional.getOrInsertComputed(number, () => ({ rules: new Map(), longer: new Map() }));
    const keys = prefixes(conditions);
    for (const key of keys) {
      const shorter = call.rules.get(key);
      if (shorter === undefined) continue;
      if (key === keys.at(-1) && shorter.action !== action) throw contradiction(name, field, shorter.field);
      return;
    }
    const key = keys.at(-1) ?? "";
    for (const [other, longer] of call.longer.get(key) ?? []) {
      if (other !== action) throw contradiction(name, field, longer.field);
    }
    const added = { conditions, action, field };
    call.rules.set(key, added);
    for (const prefix of keys.slice(0, -1)) {
      call.longer.getOrInsertComputed(prefix, () => new Map()).getOrInsert(action, added);
    }
  }

  /** By number, with the ABI's base. */
  *verdicts(): Iterable<readonly [number: number, verdict: Verdict]> {
    const { base, wide } = this.#abi;
    for (const [number, always] of this.#always) yield [number + base, { always }];
    for (const [number, { rules }] of this.#conditional)
      yield [number + base, { rules: inOrder([...rules.values()], wide) }];
  }
}

/** The order matters only where it decides between actions. */
function inOrder(rules: readonly Rule[], wide: boolean): readonly Rule[] {
  if (rules.every(({ action }) => action === rules[0]?.action)) return rules;
  return rules.toSorted((a, b) => compareConditions(a.conditions, b.conditions, wide));
}

/** `a`, `a b`, `a b c`: a rule with the first of these conditions matches whenever a rule with more of them does. */
function prefixes(conditions: readonly Condition[]): string[] {
  let text = "";
  return conditions.map(({ argument, operator, mask, value }) => {
    text += `${text === "" ? "" : " "}${argument},${operator},${mask},${value}`;
    return text;
  });
}

function contradiction(name: string, field: string, earlier: string): Error {
  return fieldError(field, `the action for ${name} contradicts that of ${earlier}, which has the same conditions`);
}
