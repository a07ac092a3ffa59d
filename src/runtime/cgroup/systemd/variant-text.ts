/**
 * Values of `org.systemd.property.*` annotations, in GVariant's text format: `true`, `'text'`, `uint64 5`, `['a', 'b']`, `@as []`. GLib,
 * "GVariant Text Format".
 */
import { TsboxError } from "../../../error.ts";
import type { Value, Variant } from "./marshal.ts";

const TYPE_WORDS: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  handle: "h",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 0xffn],
  n: [-(1n << 15n), (1n << 15n) - 1n],
  q: [0n, 0xffffn],
  i: [-(1n << 31n), (1n << 31n) - 1n],
  u: [0n, (1n << 32n) - 1n],
  x: [-(1n << 63n), (1n << 63n) - 1n],
  t: [0n, (1n << 64n) - 1n],
};

const TOKEN =
  /\s*(?:(@[a-z]+)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([-+]?(?:0x[0-9a-fA-F]+|[0-9][0-9.eE+-]*))|([a-z][a-z0-9]*)|([[\](),]))/y;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07" };

/** @throws TsboxError `invalid` */
export function parseVariant(text: string, name: string): Variant {
  return new Parser(text, name).whole();
}

class Parser {
  readonly #text: string;
  readonly #name: string;
  readonly #tokens: RegExpExecArray[] = [];

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
    TOKEN.lastIndex = 0;
    while (text.slice(TOKEN.lastIndex).trim() !== "") {
      const token = TOKEN.exec(text);
      if (token === null) throw this.#wrong("it is no GVariant text");
      this.#tokens.push(token);
    }
  }

  #wrong(why: string): TsboxError {
    return new TsboxError("invalid", `cannot use the annotation ${this.#name}=${JSON.stringify(this.#text)}: ${why}`);
  }

  whole(): Variant {
    const variant = this.#value(undefined);
    if (this.#tokens.length > 0) throw this.#wrong("it goes on after the value");
    return variant;
  }

  /** @param wanted the type, when something before has said it */
  #value(wanted: string | undefined): Variant {
    const [, at, quoted, number, word, mark] = this.#tokens.shift() ?? this.#end();
    if (at !== undefined) return this.#value(at.slice(1));
    if (quoted !== undefined) return this.#string(quoted, wanted);
    if (number !== undefined) return this.#number(number, wanted);
    if (word === "true" || word === "false") return this.#typed(wanted, ["b"], "b", word === "true");
    const named = word === undefined ? undefined : TYPE_WORDS[word];
    if (named !== undefined) return this.#value(named);
    if (mark === "[") return this.#array(wanted);
    throw this.#wrong("only booleans, numbers, strings and arrays of them are understood");
  }

  #end(): never {
    throw this.#wrong("it ends too early");
  }

  #typed(wanted: string | undefined, allowed: readonly string[], otherwise: string, value: Value): Variant {
    const signature = wanted ?? otherwise;
    if (!allowed.includes(signature)) throw this.#wrong(`a value is not of type ${signature}`);
    return { signature, value };
  }

  #string(quoted: string, wanted: string | undefined): Variant {
    const value = quoted
      .slice(1, -1)
      .replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gs, (_, short, long, char) =>
        char === undefined ? String.fromCodePoint(Number.parseInt(short ?? long, 16)) : (ESCAPES[char] ?? char),
      );
    return this.#typed(wanted, ["s", "o", "g"], "s", value);
  }

  #number(text: string, wanted: string | undefined): Variant {
    const isHex = /^[-+]?0x/.test(text);
    const isDouble = wanted === "d" || (!isHex && /[.eE]/.test(text));
    if (isDouble) {
      if (!Number.isFinite(Number(text))) throw this.#wrong(`${text} is no number`);
      return this.#typed(wanted, ["d"], "d", Number(text));
    }
    if (!/^[-+]?(0x[0-9a-fA-F]+|[0-9]+)$/.test(text)) throw this.#wrong(`${text} is no number`);
    const size = BigInt(text.replace(/^[-+]/, ""));
    const value = text.startsWith("-") ? -size : size;
    const type = wanted ?? "i";
    const [low, high] = RANGES[type] ?? this.#wrongType(type);
    if (value < low || value > high) throw this.#wrong(`${text} is out of the range of its type`);
    return { signature: type, value };
  }

  #wrongType(type: string): never {
    throw this.#wrong(`a number is not of type ${type}`);
  }

  #array(wanted: string | undefined): Variant {
    let element = wanted?.startsWith("a") ? wanted.slice(1) : undefined;
    if (wanted !== undefined && element === undefined) throw this.#wrong(`an array is not of type ${wanted}`);
    const values: Value[] = [];
    for (;;) {
      if (this.#tokens[0]?.[5] === "]") break;
      const one = this.#value(element);
      element ??= one.signature;
      if (one.signature !== element) throw this.#wrong("the members of an array are of one type");
      values.push(one.value);
      if (this.#tokens[0]?.[5] === ",") this.#tokens.shift();
      else if (this.#tokens[0]?.[5] !== "]") throw this.#wrong("an array has commas between its members");
    }
    this.#tokens.shift();
    if (element === undefined) throw this.#wrong("an empty array needs its type, as in @as []");
    return { signature: `a${element}`, value: values };
  }
}
