/** Kubernetes' quantities: `128Mi`, `500m`, `2`. */
import type { Fields } from "./fields.ts";

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** @throws TsboxError `invalid` naming the field */
export function quantity(fields: Fields, key: string): number | undefined {
  const text = fields.scalar(key);
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})$/.exec(text) ?? [];
  const factor = FACTORS[unit];
  if (number !== undefined && factor !== undefined) return Number(number) * factor;
  throw fields.fail(key, `${JSON.stringify(text)} is not a quantity such as 128Mi or 500m`);
}

/** Whole bytes. */
export function bytes(fields: Fields, key: string): number | undefined {
  const value = quantity(fields, key);
  return value === undefined ? undefined : Math.ceil(value);
}
