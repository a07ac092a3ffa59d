/** The 512-byte header of a tar member: POSIX ustar, with GNU's extensions. tar(5), POSIX pax "ustar Interchange Format". */
import { TsboxError } from "../../../error.ts";

export const BLOCK = 512;

/** One member as its header says, before PAX records change it. Names stay bytes, because file names are bytes. */
export interface Header {
  name: Uint8Array;
  linkName: Uint8Array;
  /** The type flag as a character. */
  readonly type: string;
  readonly mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds and nanoseconds. */
  mtime: readonly [seconds: number, nanoseconds: number];
  readonly devMajor: number;
  readonly devMinor: number;
  readonly isGNU: boolean;
  /** The block itself, for what only old GNU sparse files have in it. Valid until the parser goes on. */
  readonly block: Uint8Array;
}

function fail(reason: string): TsboxError {
  return new TsboxError("invalid", `cannot unpack: ${reason}`);
}

/** Octal digits, or GNU's base-256 when the first bit is set. */
export function readNumber(block: Uint8Array, at: number, length: number, field: string): number {
  const first = block[at] ?? 0;
  if (first & 0x80) {
    // two's complement, big-endian; 0xff begins a negative number
    let value = first & 0x40 ? -1n : 0n;
    value = (value << 6n) | BigInt(first & 0x3f);
    for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(block[at + i] ?? 0);
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw fail(`a member's ${field} is out of range`);
    return number;
  }
  let value = 0;
  let i = at;
  const end = at + length;
  while (i < end && block[i] === 0x20) i++;
  for (; i < end; i++) {
    const digit = block[i] ?? 0;
    if (digit === 0 || digit === 0x20) break;
    if (digit < 0x30 || digit > 0x37) throw fail(`a member's ${field} is not a number`);
    value = value * 8 + (digit - 0x30);
  }
  if (!Number.isSafeInteger(value)) throw fail(`a member's ${field} is out of range`);
  return value;
}

export function text(block: Uint8Array, at: number, length: number): Uint8Array {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return block.slice(at, end);
}

export function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** The sum of all bytes with the checksum's own as spaces; some old tars summed signed bytes. */
function checkSum(block: Uint8Array): void {
  let unsigned = 8 * 0x20;
  let signed = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const expected = readNumber(block, 148, 8, "checksum");
  if (expected !== unsigned && expected !== signed)
    throw fail("it is not a tar archive, or a damaged one (a header's checksum is wrong)");
}

const SLASH = 0x2f;

/** @throws TsboxError `invalid` */
export function readHeader(block: Uint8Array): Header {
  checkSum(block);
  const magic = String.fromCharCode(...block.subarray(257, 263));
  const isGNU = magic === "ustar ";
  const isPosix = magic === "ustar\0";
  let name = text(block, 0, 100);
  if (isPosix) {
    const prefix = text(block, 345, 155);
    if (prefix.length > 0) {
      const joined = new Uint8Array(prefix.length + 1 + name.length);
      joined.set(prefix);
      joined[prefix.length] = SLASH;
      joined.set(name, prefix.length + 1);
      name = joined;
    }
  }
  const flag = block[156] ?? 0;
  const size = readNumber(block, 124, 12, "size");
  if (size < 0) throw fail("a member's size is negative");
  return {
    name,
    linkName: text(block, 157, 100),
    type: flag === 0 ? "0" : String.fromCharCode(flag),
    mode: readNumber(block, 100, 8, "mode"),
    uid: readNumber(block, 108, 8, "uid"),
    gid: readNumber(block, 116, 8, "gid"),
    size,
    mtime: [readNumber(block, 136, 12, "mtime"), 0],
    devMajor: isGNU || isPosix ? readNumber(block, 329, 8, "device") : 0,
    devMinor: isGNU || isPosix ? readNumber(block, 337, 8, "device") : 0,
    isGNU,
    block,
  };
}
