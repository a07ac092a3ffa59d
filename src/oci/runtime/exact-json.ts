/** JSON whose large whole numbers are not rounded. */

/** 2^53 has 16 digits: a text without so long a number has none that a double would round. */
const LONG_NUMBER = /[0-9]{16}/;

/**
 * As `JSON.parse`, but whole numbers beyond 2^53 that stand under one of `fields` become bigints: elsewhere rounding
 * a size of exabytes harms nobody, and a bigint cannot be written with `JSON.stringify`.
 * @throws SyntaxError
 */
export function parseExactJSON(text: string, fields: ReadonlySet<string>): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  // the third argument, with the number as written, is ES2026's; TypeScript's library does not have it yet
  const reviver = (key: string, value: unknown, context: { readonly source?: string } = {}) =>
    typeof value === "number" && !Number.isSafeInteger(value) && fields.has(key) && /^\d+$/.test(context.source ?? "")
      ? BigInt(context.source ?? "")
      : value;
  return JSON.parse(text, reviver);
}
