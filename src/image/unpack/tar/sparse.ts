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
    if (length < 0 || offset < end || offset + length > size) throw fail("is not in order or reaches beyond the file");
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

/** PAX 1.0: the map stands before the data, as decimal lines, padded to a block. It is read as it comes. */
export class SparseMapReader {
  readonly #records: PaxRecords;
  readonly #stored: number;
  readonly #numbers: number[] = [];
  #number = -1;
  #read = 0;

  /** @param stored bytes of the member in the archive, the map's included */
  constructor(records: PaxRecords, stored: number) {
    this.#records = records;
    this.#stored = stored;
  }

  /**
   * Takes bytes of the map up to the end of `bytes` or of the map.
   * @returns undefined while more is needed; otherwise the map, and how many bytes of the member are left for data
   * @throws TsboxError `invalid`
   */
  push(bytes: Uint8Array): { map: SparseMap; data: number } | undefined {
    for (const byte of bytes) {
      this.#read++;
      if (this.#isWhole()) break; // padding
      if (byte === 0x0a && this.#number >= 0) {
        this.#numbers.push(this.#number);
        this.#number = -1;
        if ((this.#numbers[0] ?? 0) > MAX_EXTENTS) throw fail("is too long");
      } else {
        if (byte < 0x30 || byte > 0x39) throw fail("is not made of numbers");
        this.#number = Math.max(this.#number, 0) * 10 + byte - 0x30;
        if (!Number.isSafeInteger(this.#number)) throw fail("has a number out of range");
      }
    }
    const used = Math.ceil(this.#read / BLOCK) * BLOCK;
    if (!this.#isWhole()) {
      if (this.#read >= this.#stored) throw fail("does not end");
      return undefined;
    }
    const size = paxNumber(this.#records, "GNU.sparse.realsize");
    if (size === undefined) throw fail("has no size");
    const extents: Extent[] = [];
    for (let i = 1; i < this.#numbers.length; i += 2) {
      extents.push({ offset: this.#numbers[i] ?? 0, length: this.#numbers[i + 1] ?? 0 });
    }
    return { map: checkMap(extents, size, this.#stored - used), data: this.#stored - used };
  }

  #isWhole(): boolean {
    const [count] = this.#numbers;
    return count !== undefined && this.#numbers.length === 1 + 2 * count;
  }
}
