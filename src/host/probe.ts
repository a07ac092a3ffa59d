/** The shape of every answer about the host. */

export interface Probe<Value> {
  /** Whether the best way works. */
  readonly ok: boolean;
  readonly value: Value;
  /** When it does not: a clause without a full stop. */
  readonly why?: string;
  /** When there is one: what a person does about it. */
  readonly remedy?: string;
}

export function works<Value>(value: Value): Probe<Value> {
  return { ok: true, value };
}

export function lacks<Value>(value: Value, why: string, remedy?: string): Probe<Value> {
  return { ok: false, value, why, ...(remedy === undefined ? {} : { remedy }) };
}
