/** The functions of templates: Go's (text/template, "Functions") and those that Docker and podman add. */
import { printf } from "./printf.ts";
import { isMap, isObject, isTrue, jsonText, kindOf, valueText } from "./values.ts";

/** @throws Error whose message says what is wrong with the arguments */
export type TemplateFunction = (...args: readonly unknown[]) => unknown;

const GO: Readonly<Record<string, TemplateFunction>> = {
  not: (...args) => !isTrue(only(args)),
  len: (...args) => length(only(args)),
  index: (value, ...keys) => keys.reduce(indexOne, value),
  slice: sliceOf,
  print,
  println: (...args) => `${args.map(valueText).join(" ")}\n`,
  printf: (format, ...args) => printf(text(format), args),
  eq: (first, ...others) => {
    if (others.length === 0) throw new Error("it compares two things, and there is one");
    return others.some((other) => equal(first, other));
  },
  ne: (...args) => !equal(...pair(args)),
  lt: (...args) => compare(...pair(args)) < 0,
  le: (...args) => compare(...pair(args)) <= 0,
  gt: (...args) => compare(...pair(args)) > 0,
  ge: (...args) => compare(...pair(args)) >= 0,
};

const DOCKER: Readonly<Record<string, TemplateFunction>> = {
  json: (...args) => jsonText(only(args)),
  join: (list, separator = "") => items(list).map(valueText).join(text(separator)),
  split: (whole, separator) => text(whole).split(text(separator)),
  lower: (...args) => text(only(args)).toLowerCase(),
  upper: (...args) => text(only(args)).toUpperCase(),
  title: (...args) => text(only(args)).replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (letter) => letter.toUpperCase()),
  // the text comes first, as it is Docker's, so neither is of use after a `|`
  pad: (whole, before, after) =>
    text(whole) === "" ? "" : " ".repeat(count(before)) + whole + " ".repeat(count(after)),
  truncate: (whole, most) => [...text(whole)].slice(0, count(most)).join(""),
};

export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(Object.entries({ ...GO, ...DOCKER }));

/** Evaluated one argument after the other, until it is decided: they are no functions. */
export const SHORT_CUTS: readonly string[] = ["and", "or"];

export function isFunction(name: string): boolean {
  return FUNCTIONS.has(name) || SHORT_CUTS.includes(name);
}

/** In the headings of a table: Docker's functions leave a heading as it is. */
export function headingFunction(name: string): TemplateFunction | undefined {
  return Object.hasOwn(DOCKER, name) ? (first) => first : FUNCTIONS.get(name);
}

function only(args: readonly unknown[]): unknown {
  if (args.length !== 1) throw new Error(`it takes one thing, not ${args.length}`);
  return args[0];
}

function pair(args: readonly unknown[]): [unknown, unknown] {
  if (args.length !== 2) throw new Error(`it takes two things, not ${args.length}`);
  return [args[0], args[1]];
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error(`it takes a text, not ${kindOf(value)}`);
}

function count(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new Error(`it takes a number from 0 on, not ${typeof value === "number" ? value : kindOf(value)}`);
}

function items(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null) return [];
  throw new Error(`it takes a list, not ${kindOf(value)}`);
}

/** Blanks between those of which neither is a text. */
function print(...args: readonly unknown[]): string {
  return args
    .map(
      (value, i) =>
        (i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string" ? " " : "") + valueText(value),
    )
    .join("");
}

/** Of a text in bytes. */
function length(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new Error(`${kindOf(value)} has no length`);
}

function indexOne(value: unknown, key: unknown): unknown {
  if (isObject(value)) {
    const name = String(key);
    if (Object.hasOwn(value, name)) return value[name];
    // what a map of texts has not is an empty text
    return isMap(value) && Object.values(value).every((item) => typeof item === "string") ? "" : undefined;
  }
  if (!Array.isArray(value) && typeof value !== "string") throw new Error(`${kindOf(value)} has no index`);
  const list = typeof value === "string" ? Buffer.from(value) : value;
  if (typeof key !== "number")
    throw new Error(`${kindOf(value)} is counted, so ${JSON.stringify(key)} is no index of it`);
  if (key < 0 || key >= list.length) throw new Error(`there is no index ${key}: there are ${list.length}`);
  return list[key];
}

function sliceOf(value: unknown, ...ends: readonly unknown[]): unknown {
  if (typeof value !== "string" && !Array.isArray(value)) throw new Error(`${kindOf(value)} cannot be sliced`);
  const list = typeof value === "string" ? Buffer.from(value) : value;
  const [start = 0, end = list.length] = ends.map(count);
  if (end > list.length || start > end)
    throw new Error(`there is no slice from ${start} to ${end}: the length is ${list.length}`);
  return typeof value === "string" ? Buffer.from(value).toString("utf8", start, end) : value.slice(start, end);
}

function equal(a: unknown, b: unknown): boolean {
  if (isObject(a) || Array.isArray(a) || isObject(b) || Array.isArray(b))
    throw new Error(`it cannot compare ${kindOf(a)} with ${kindOf(b)}`);
  const nothing = a === undefined || a === null || b === undefined || b === null;
  if (!nothing && typeof a !== typeof b) throw new Error(`it cannot compare ${kindOf(a)} with ${kindOf(b)}`);
  return (a ?? undefined) === (b ?? undefined);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  throw new Error(`it cannot tell which is more, ${kindOf(a)} or ${kindOf(b)}`);
}
