/** Values as D-Bus has them on the wire, little-endian. D-Bus Specification, "Marshaling (Wire Format)". */
import { TsboxError } from "../../../error.ts";

/** A value of type `v`: it says its type itself. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** b boolean; y n q i u x t d numbers; s o g strings; ay bytes; a( array; () array of members; v {@link Variant}. */
export type Value = string | number | bigint | boolean | Uint8Array | Variant | readonly Value[];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  b: 4,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  x: 8,
  t: 8,
  d: 8,
  s: 4,
  o: 4,
  g: 1,
  v: 1,
  a: 4,
  "(": 8,
  "{": 8,
};

const MESSAGE_LIMIT = 1 << 27;

function wrong(what: string): TsboxError {
  return new TsboxError("invalid", `cannot talk to systemd: ${what}`);
}

/** The first complete type of a signature and the rest: `a(sv)s` is `a(sv)` and `s`. */
export function splitType(signature: string): [type: string, rest: string] {
  let at = 0;
  while (signature[at] === "a") at++;
  let depth = 0;
  do {
    const char = signature[at++];
    if (char === undefined) throw wrong(`"${signature}" is no signature`);
    if (char === "(" || char === "{") depth++;
    if (char === ")" || char === "}") depth--;
  } while (depth > 0);
  return [signature.slice(0, at), signature.slice(at)];
}

/** The types of a signature, one after the other. */
export function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let rest = signature; rest !== ""; ) {
    const [type, more] = splitType(rest);
    types.push(type);
    rest = more;
  }
  return types;
}

/** Grows as it is written to. */
export class Writer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  align(to: number): void {
    this.#reserve(-this.#length & (to - 1));
  }

  /** Room of that many zero bytes; returns where it begins. */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Values of each type of a signature. */
  values(signature: string, values: readonly Value[]): void {
    const types = typesOf(signature);
    if (types.length !== values.length) throw wrong(`${values.length} values for "${signature}"`);
    for (const [i, type] of types.entries()) this.value(type, values[i] ?? "");
  }

  value(type: string, value: Value): void {
    const code = type[0] ?? "";
    this.align(ALIGNMENT[code] ?? 1);
    if (code === "a") this.#array(type.slice(1), value);
    else if (code === "(" || code === "{") this.values(type.slice(1, -1), list(value, type));
    else if (code === "v") this.#variant(value);
    else if (code === "s" || code === "o" || code === "g") this.#string(code, value);
    else this.#number(code, value);
  }

  #number(code: string, value: Value): void {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "number" && typeof number !== "bigint") throw wrong(`a value is not of type "${code}"`);
    const at = this.#reserve(ALIGNMENT[code] ?? 1);
    if (code === "y") this.#view.setUint8(at, Number(number));
    else if (code === "n") this.#view.setInt16(at, Number(number), true);
    else if (code === "q") this.#view.setUint16(at, Number(number), true);
    else if (code === "i") this.#view.setInt32(at, Number(number), true);
    else if (code === "u" || code === "b") this.#view.setUint32(at, Number(number), true);
    else if (code === "d") this.#view.setFloat64(at, Number(number), true);
    else if (code === "x") this.#view.setBigInt64(at, BigInt(number), true);
    else if (code === "t") this.#view.setBigUint64(at, BigInt(number), true);
    else throw wrong(`there is no type "${code}"`);
  }

  #string(code: string, value: Value): void {
    if (typeof value !== "string" || value.includes("\0")) throw wrong(`a value is not of type "${code}"`);
    const bytes = encoder.encode(value);
    this.value(code === "g" ? "y" : "u", bytes.length);
    this.#raw(bytes);
    this.#reserve(1);
  }

  #variant(value: Value): void {
    if (typeof value !== "object" || !("signature" in value)) throw wrong('a value is not of type "v"');
    this.value("g", value.signature);
    this.value(value.signature, value.value);
  }

  #array(element: string, value: Value): void {
    const lengthAt = this.#reserve(4);
    this.align(ALIGNMENT[element[0] ?? ""] ?? 1);
    const start = this.#length;
    if (value instanceof Uint8Array) this.#raw(value);
    else for (const one of list(value, element)) this.value(element, one);
    this.#view.setUint32(lengthAt, this.#length - start, true);
  }
}

function list(value: Value, type: string): readonly Value[] {
  if (!Array.isArray(value)) throw wrong(`a value is not of type "${type}"`);
  return value;
}

/** Reads what {@link Writer} writes; whatever the peer sends, it ends with a value or an error. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
  }

  align(to: number): void {
    this.#at += -this.#at & (to - 1);
  }

  values(signature: string): Value[] {
    return typesOf(signature).map((type) => this.value(type));
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > MESSAGE_LIMIT || at + count > this.#bytes.length) throw wrong("a message ends too early");
    this.#at += count;
    return at;
  }

  value(type: string): Value {
    const code = type[0] ?? "";
    this.align(ALIGNMENT[code] ?? 1);
    switch (code) {
      case "a":
        return this.#array(type.slice(1));
      case "(":
      case "{":
        return this.values(type.slice(1, -1));
      case "v": {
        const signature = this.#string("g");
        return { signature, value: this.value(signature) };
      }
      case "s":
      case "o":
      case "g":
        return this.#string(code);
      case "y":
        return this.#view.getUint8(this.#take(1));
      case "n":
        return this.#view.getInt16(this.#take(2), true);
      case "q":
        return this.#view.getUint16(this.#take(2), true);
      case "i":
        return this.#view.getInt32(this.#take(4), true);
      case "u":
        return this.#view.getUint32(this.#take(4), true);
      case "b":
        return this.#view.getUint32(this.#take(4), true) !== 0;
      case "d":
        return this.#view.getFloat64(this.#take(8), true);
      case "x":
        return this.#view.getBigInt64(this.#take(8), true);
      case "t":
        return this.#view.getBigUint64(this.#take(8), true);
      default:
        throw wrong(`there is no type "${code}"`);
    }
  }

  #string(code: string): string {
    const length = code === "g" ? this.#view.getUint8(this.#take(1)) : Number(this.value("u"));
    const at = this.#take(length + 1);
    return decoder.decode(this.#bytes.subarray(at, at + length));
  }

  #array(element: string): Value {
    const length = this.#view.getUint32(this.#take(4), true);
    this.align(ALIGNMENT[element[0] ?? ""] ?? 1);
    const start = this.#take(length);
    if (element === "y") return this.#bytes.slice(start, start + length);
    this.#at = start;
    const values: Value[] = [];
    while (this.#at < start + length) values.push(this.value(element));
    return values;
  }
}
