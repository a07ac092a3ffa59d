/** The few forms of protocol buffers that CRIU's messages have: numbers, and bytes with their length. https://protobuf.dev/programming-guides/encoding */

const VARINT = 0;
const BYTES = 2;

export type FieldValue = number | boolean | string | Uint8Array;

/** A message as its fields in any order; those with an undefined value are left out, those with a list are repeated. */
export function encodeMessage(
  fields: readonly (readonly [number, FieldValue | readonly FieldValue[] | undefined])[],
): Uint8Array {
  const bytes: number[] = [];
  const varint = (value: number) => {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
  };
  const isList = (value: FieldValue | readonly FieldValue[]): value is readonly FieldValue[] => Array.isArray(value);
  for (const [number, given] of fields) {
    if (given === undefined) continue;
    for (const value of isList(given) ? given : [given]) {
      if (typeof value === "number" || typeof value === "boolean") {
        varint(number * 8 + VARINT);
        varint(Number(value));
        continue;
      }
      const data = typeof value === "string" ? new TextEncoder().encode(value) : value;
      varint(number * 8 + BYTES);
      varint(data.length);
      for (const byte of data) bytes.push(byte);
    }
  }
  return new Uint8Array(bytes);
}

/** @returns the last value of each field. @throws RangeError for bytes that are no message, or that have other forms */
export function decodeMessage(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const found = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a message ends in the middle of a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if (tag % 8 === VARINT) found.set(Math.floor(tag / 8), value);
    else if (tag % 8 === BYTES && at + value <= bytes.length) {
      found.set(Math.floor(tag / 8), bytes.slice(at, at + value));
      at += value;
    } else throw new RangeError("a message has a field of a form that is not known");
  }
  return found;
}
