/**
 * Pieces of tar archives that `tar.ts` has no words for: names of any bytes, GNU's long names and sparse files, headers from
 * before POSIX, damaged ones. An archive is pieces one after the other: `archive(raw({...}), gnuLong("L", name), ...)`.
 */
import { paxRecord } from "./tar.ts";

const BLOCK = 512;

export type Bytes = string | Uint8Array;

export type RawEntry = {
  readonly name?: Bytes;
  /** the type flag; "0" if not given */
  readonly type?: string;
  readonly link?: Bytes;
  readonly data?: Bytes;
  /** what the header says instead of the data's length */
  readonly size?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  /** "posix" if not given; "old" has no magic at all */
  readonly format?: "posix" | "gnu" | "old";
  /** bytes put over the finished header, before the checksum is made */
  readonly patch?: Readonly<Record<number, Bytes>>;
  /** added to the checksum */
  readonly wrongBy?: number;
};

/** Strings are UTF-8. */
export const bytesOf = (value: Bytes): Uint8Array =>
  typeof value === "string" ? new TextEncoder().encode(value) : value;

/** A string with one character for each byte. */
export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A header with its data, padded to whole blocks. */
export function raw(entry: RawEntry): Uint8Array {
  const data = bytesOf(entry.data ?? "");
  const block = Buffer.alloc(BLOCK);
  const put = (at: number, value: Bytes) => block.set(bytesOf(value), at);
  const octal = (at: number, width: number, value: number) =>
    put(at, `${value.toString(8).padStart(width - 1, "0")}\0`);
  put(0, bytesOf(entry.name ?? "file").subarray(0, 100));
  octal(100, 8, entry.mode ?? 0o644);
  octal(108, 8, entry.uid ?? 0);
  octal(116, 8, entry.gid ?? 0);
  octal(124, 12, entry.size ?? data.length);
  octal(136, 12, entry.mtime ?? 0);
  put(156, entry.type ?? "0");
  put(157, bytesOf(entry.link ?? "").subarray(0, 100));
  if (entry.format !== "old") put(257, entry.format === "gnu" ? "ustar  \0" : "ustar\x0000");
  for (const [at, value] of Object.entries(entry.patch ?? {})) put(Number(at), value);
  put(148, "        ");
  const sum = block.reduce((total, byte) => total + byte, entry.wrongBy ?? 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return Buffer.concat([block, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

/** GNU's way to say a long name ("L") or link target ("K") of the entry that follows. */
export function gnuLong(type: "L" | "K", name: Bytes): Uint8Array {
  const data = Buffer.concat([bytesOf(name), Buffer.alloc(1)]);
  return raw({ name: "././@LongLink", type, data, format: "gnu" });
}

/** An extended header for the entry that follows, or a global one; records in order, keys may repeat. */
export function pax(records: readonly (readonly [key: string, value: Bytes])[], type: "x" | "g" = "x"): Uint8Array {
  return raw({ name: "pax", type, data: Buffer.concat(records.map(([key, value]) => paxRecord(key, bytesOf(value)))) });
}

/** Numbers of GNU tar where octal digits are too few: the first bit set, big-endian. */
export function base256(value: bigint, width: number): Uint8Array {
  const field = new Uint8Array(width);
  let rest = BigInt.asUintN(8 * width, value);
  for (let at = width - 1; at >= 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

type Extent = readonly [offset: number, data: string];

/** The sparse file of GNU tar's own format: four extents in the header, 21 in each block after it. */
export function oldSparse(name: string, size: number, extents: readonly Extent[]): Uint8Array {
  const number = (value: number) => `${value.toString(8).padStart(11, "0")}\0`;
  const pair = ([offset, data]: Extent) => number(offset) + number(data.length);
  const more = extents.slice(4);
  const blocks: Buffer[] = [];
  for (let at = 0; at < more.length; at += 21) {
    const block = Buffer.alloc(BLOCK);
    block.write(
      more
        .slice(at, at + 21)
        .map(pair)
        .join(""),
    );
    block[504] = at + 21 < more.length ? 1 : 0;
    blocks.push(block);
  }
  const data = extents.map(([, text]) => text).join("");
  const patch: Record<number, Bytes> = {
    386: extents.slice(0, 4).map(pair).join(""),
    482: Uint8Array.of(more.length > 0 ? 1 : 0),
    483: number(size),
  };
  const header = raw({ name, type: "S", size: data.length, format: "gnu", patch });
  return Buffer.concat([header, ...blocks, padded(data)]);
}

/** The map that stands before the data in GNU's PAX format 1.0. */
export function sparseMap10(extents: readonly Extent[]): Uint8Array {
  const numbers = [extents.length, ...extents.flatMap(([offset, data]) => [offset, data.length])];
  return padded(`${numbers.join("\n")}\n`);
}

function padded(text: string): Uint8Array {
  return Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc((BLOCK - (text.length % BLOCK)) % BLOCK)]);
}

/** The pieces, and the two blocks of zeros that end an archive. */
export function archive(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([...pieces, Buffer.alloc(2 * BLOCK)]));
}
