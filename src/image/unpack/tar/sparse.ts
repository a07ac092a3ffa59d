/** Sparse files of GNU tar: which parts of a file have data. GNU tar manual, "Storing Sparse Files". */
import { TsboxError } from "../../../error.ts";
import { BLOCK, type Header, readNumber } from "./header.ts";
import { type PaxRecords, paxNumber, paxText } from "./pax.ts";

/** Data at an offset of the file. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

export interface SparseMap {
  readonly extents: readonly Extent[];
  /** The file's size with its holes. */
  readonly size: number;
}

/** More than any file needs, fewer than would fill memory (CVE-2026-32288). */
const MAX_EXTENTS = 1_000_000;

function fail(reason: string): TsboxError {
  return new TsboxError("invalid", `cannot unpack: a sparse file's map ${reason}`);
}

/** In order, without overlap, inside the file, and as much data as the archive holds. */
export function checkMap(extents: readonly Extent[], size: number, stored: number): SparseMap {
  let end = 0;
  let total = 0;
  for (const { offset, length } of extents) {
    if (offset < end || offset + length > size) throw fail("is not in order or reaches beyond the file");
    end = offset + length;
    total += length;
  }
  if (total !== stored) throw fail("has another amount of data than the archive");
  return { extents, size };
}

/** Four or more extents of the old format in a block; returns whether another block of extents follows. */
export function readOldExtents(block: Uint8Array, at: number, count: number, extents: Extent[]): boolean {
  for (let i = 0; i < count; i++) {
    const from = at + i * 24;
    if (block[from + 12] === 0) break;
    extents.push({
      offset: readNumber(block, from, 12, "sparse offset"),
      length: readNumber(block, from + 12, 12, "sparse length"),
    });
    if (extents.length > MAX_EXTENTS) throw fail("is too long");
  }
  return block[at + count * 24] !== 0;
}

/** Old GNU: extents in the header itself; the real size behind them. */
export function readOldHeader(header: Header, extents: Extent[]): { more: boolean; size: number } {
  const more = readOldExtents(header.block, 386, 4, extents);
  return { more, size: readNumber(header.block, 483, 12, "sparse size") };
}

/** PAX 0.0 (repeated records, gathered by the parser as one list) and 0.1: the map in the extended header. */
export function readPaxMap(records: PaxRecords, stored: number): SparseMap | undefined {
  const map = paxText(records, "GNU.sparse.map");
  if (map === undefined) return undefined;
  const size = paxNumber(records, "GNU.sparse.size") ?? paxNumber(records, "GNU.sparse.realsize");
  if (size === undefined) throw fail("has no size");
  return checkMap(pairs(map.split(",")), size, stored);
}

function pairs(words: readonly string[]): Extent[] {
  if (words.length % 2 !== 0 || words.length / 2 > MAX_EXTENTS) throw fail("has the wrong number of entries");
  const extents: Extent[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const [offset, length] = [Number(words[i]), Number(words[i + 1])];
    if (!/^\d+$/.test(words[i] ?? "") || !/^\d+$/.test(words[i + 1] ?? "")) throw fail("is not made of numbers");
    extents.push({ offset, length });
  }
  return extents;
}

export function isSparse10(records: PaxRecords): boolean {
  return paxText(records, "GNU.sparse.major") === "1" && paxText(records, "GNU.sparse.minor") === "0";
}

/**
 * PAX 1.0: the map stands before the data, as decimal lines, padded to a block.
 * @param data what of the member's data is here so far
 * @returns undefined while more is needed; otherwise the map and how many bytes it took
 */
export function readSparse10(
  data: Uint8Array,
  records: PaxRecords,
  stored: number,
): { map: SparseMap; used: number } | undefined {
  const size = paxNumber(records, "GNU.sparse.realsize");
  if (size === undefined) throw fail("has no size");
  const words: string[] = [];
  let at = 0;
  let wanted = 1;
  while (words.length < wanted) {
    const end = data.indexOf(0x0a, at);
    if (end < 0) {
      if (data.length >= stored) throw fail("does not end");
      return undefined;
    }
    words.push(String.fromCharCode(...data.subarray(at, end)));
    at = end + 1;
    if (words.length === 1) {
      const count = Number(words[0]);
      if (!Number.isSafeInteger(count) || count < 0 || count > MAX_EXTENTS) throw fail("has a wrong count");
      wanted = 1 + count * 2;
    }
  }
  const used = Math.ceil(at / BLOCK) * BLOCK;
  return { map: checkMap(pairs(words.slice(1)), size, stored - used), used };
}
