/** PAX extended headers: records `LENGTH KEY=VALUE\n`, whose values are bytes (POSIX pax, "pax Extended Header"). */
import { TsboxError } from "../../../error.ts";

/** Keys are text; values stay bytes: a capability or a file name need not be UTF-8. */
export type PaxRecords = Map<string, Uint8Array>;

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const NAMES = new Set(["path", "linkpath", "GNU.sparse.name"]);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

function fail(reason: string): TsboxError {
  return new TsboxError("invalid", `cannot unpack: a PAX header ${reason}`);
}

/**
 * Adds the records of one header to `into`. GNU's sparse format 0.0 repeats two keys for each extent, where a map of keys would
 * keep the last: they become the one record that format 0.1 has.
 * @throws TsboxError `invalid`
 */
export function readPax(bytes: Uint8Array, into: PaxRecords = new Map()): PaxRecords {
  const sparse: string[] = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(SPACE, at);
    // no record is longer than the header, which has seven digits at most
    const digits = space < 0 || space - at > 10 ? "" : decoder.decode(bytes.subarray(at, space));
    const length = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
    const end = at + length;
    if (!Number.isSafeInteger(length) || end > bytes.length || end <= space + 1 || bytes[end - 1] !== NEWLINE) {
      throw fail("has a record of a wrong length");
    }
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw fail("has a record without a value");
    const key = decoder.decode(bytes.subarray(space + 1, equals));
    const value = bytes.slice(equals + 1, end - 1);
    // the kernel would read the part before it: another file than the one that others see (Go's archive/tar refuses it too)
    if (key.includes("\0") || (NAMES.has(key) && value.includes(0))) throw fail(`has a NUL in ${key}`);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") sparse.push(decoder.decode(value));
    // an empty value takes a record of a global header back
    else if (value.length === 0) into.delete(key);
    else into.set(key, value);
    at = end;
  }
  if (sparse.length > 0) into.set("GNU.sparse.map", encoder.encode(sparse.join(",")));
  return into;
}

/** A global header cannot say what each of the following members is called or holds; Go's archive/tar leaves all of it out. */
export function forgetPerMember(records: PaxRecords): void {
  for (const key of records.keys()) {
    if (NAMES.has(key) || key === "size" || key.startsWith("GNU.sparse.")) records.delete(key);
  }
}

export function paxText(records: PaxRecords, key: string): string | undefined {
  const value = records.get(key);
  return value === undefined ? undefined : decoder.decode(value);
}

/** @throws TsboxError `invalid` when it is not a number of 0 or more */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const text = paxText(records, key);
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw fail(`has ${key}=${text}`);
  return value;
}

/** Decimal seconds with a fraction, `1700000000.123456789` or `-1.5`, as seconds and nanoseconds. */
export function paxTime(records: PaxRecords, key: string): readonly [number, number] | undefined {
  const text = paxText(records, key);
  if (text === undefined) return undefined;
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) throw fail(`has ${key}=${text}`);
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return [seconds, nanoseconds];
  return nanoseconds === 0 ? [-seconds, 0] : [-seconds - 1, 1_000_000_000 - nanoseconds];
}
