/**
 * A streaming reader of tar archives. tar-stream is what this project reads archives with elsewhere; layers have their own reader
 * because tar-stream decodes PAX values and names as UTF-8, which corrupts `security.capability` and names in other encodings,
 * knows no sparse files, and makes a stream for each of many thousand members.
 *
 * Bytes are pushed in as they are decompressed; members come out by calls of a sink, file data as parts of those bytes.
 */
import { TsboxError } from "../../../error.ts";
import { BLOCK, type Header, isZero, readHeader } from "./header.ts";
import { forgetPerMember, type PaxRecords, paxNumber, paxTime, readPax } from "./pax.ts";
import {
  checkMap,
  type Extent,
  isSparse10,
  readOldExtents,
  readOldHeader,
  readPaxMap,
  type SparseMap,
  SparseMapReader,
} from "./sparse.ts";

export interface Member extends Header {
  readonly pax: PaxRecords;
  /** Set for a sparse file: where its data goes. */
  sparse: SparseMap | undefined;
}

export interface Sink {
  /** A new member; data follows for regular files only. */
  begin(member: Member): void;
  /** Part of a file's data, valid until this returns, for that offset of the file. */
  data(bytes: Uint8Array, offset: number): void;
  end(): void;
}

/** Long names, PAX headers: small by nature, whatever they say of themselves. */
const META_LIMIT = 4 * 1024 * 1024;
/** Global records are copied for each member that has its own. */
const GLOBAL_LIMIT = 64 * 1024;
/** Types without data whose size field may say otherwise. */
const DATALESS = new Set(["1", "2", "3", "4", "5", "6"]);

function fail(reason: string): TsboxError {
  return new TsboxError("invalid", `cannot unpack: ${reason}`);
}

type State = "header" | "meta" | "old-sparse" | "sparse-map" | "data" | "skip" | "end";

export class TarParser {
  readonly #sink: Sink;
  #state: State = "header";
  /** Bytes of a block, or of small data, that are not complete yet. */
  #held = new Uint8Array(BLOCK);
  #heldLength = 0;
  #meta: { type: string; bytes: Uint8Array; at: number } | undefined;
  #longName: Uint8Array | undefined;
  #longLink: Uint8Array | undefined;
  #global: PaxRecords = new Map();
  #globalBytes = 0;
  #pax: PaxRecords | undefined;
  #member: Member | undefined;
  #extents: Extent[] = [];
  #extent = 0;
  #extentDone = 0;
  #sparseSize = 0;
  #map: SparseMapReader | undefined;
  #remaining = 0;
  #padding = 0;
  #zeros = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** @throws TsboxError `invalid`, or what the sink throws */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "end") return; // what comes after the two blocks of zeros is padding
      if (this.#state === "data") at = this.#fileData(chunk, at);
      else if (this.#state === "skip") at = this.#skip(chunk, at);
      else if (this.#state === "meta") at = this.#collectMeta(chunk, at);
      else at = this.#block(chunk, at);
    }
  }

  /** Call it after the last byte. @throws TsboxError `invalid` when the archive ends in the middle */
  finish(): void {
    // archives without the closing blocks of zeros exist, and are whole all the same
    const between = this.#state === "end" || (this.#state === "header" && this.#heldLength === 0);
    const dangling = this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
    if (!between || dangling) throw fail("the archive ends in the middle (it is truncated)");
  }

  #block(chunk: Uint8Array, at: number): number {
    let block: Uint8Array;
    let next: number;
    if (this.#heldLength === 0 && chunk.length - at >= BLOCK) {
      next = at + BLOCK;
      block = chunk.subarray(at, next);
    } else {
      const take = Math.min(BLOCK - this.#heldLength, chunk.length - at);
      this.#held.set(chunk.subarray(at, at + take), this.#heldLength);
      this.#heldLength += take;
      next = at + take;
      if (this.#heldLength < BLOCK) return next;
      this.#heldLength = 0;
      block = this.#held;
    }
    if (this.#state === "old-sparse") this.#moreExtents(block);
    else if (this.#state === "sparse-map") this.#mapBlock(block);
    else this.#header(block);
    return next;
  }

  #header(block: Uint8Array): void {
    if (isZero(block)) {
      if (++this.#zeros === 2) this.#state = "end";
      return;
    }
    if (this.#zeros > 0) throw fail("there is a block of zeros in the middle of the archive");
    const header = readHeader(block);
    if (["L", "K", "x", "g"].includes(header.type)) {
      if (header.size > META_LIMIT) throw fail(`a name or PAX header has ${header.size} bytes`);
      this.#meta = { type: header.type, bytes: new Uint8Array(header.size), at: 0 };
      this.#padding = (BLOCK - (header.size % BLOCK)) % BLOCK;
      this.#state = "meta";
      if (header.size === 0) this.#endMeta();
      return;
    }
    this.#begin(header);
  }

  #collectMeta(chunk: Uint8Array, at: number): number {
    const meta = this.#meta;
    if (meta === undefined) throw fail("internal state");
    const take = Math.min(meta.bytes.length - meta.at, chunk.length - at);
    meta.bytes.set(chunk.subarray(at, at + take), meta.at);
    meta.at += take;
    if (meta.at === meta.bytes.length) this.#endMeta();
    return at + take;
  }

  #endMeta(): void {
    const meta = this.#meta;
    if (meta === undefined) return;
    this.#meta = undefined;
    const end = meta.bytes.indexOf(0); // GNU's names end with a NUL
    if (meta.type === "L") this.#longName = end < 0 ? meta.bytes : meta.bytes.subarray(0, end);
    else if (meta.type === "K") this.#longLink = end < 0 ? meta.bytes : meta.bytes.subarray(0, end);
    else if (meta.type === "g") this.#endGlobal(meta.bytes);
    else this.#pax = readPax(meta.bytes, new Map(this.#pax ?? this.#global));
    this.#state = this.#padding > 0 ? "skip" : "header";
    this.#remaining = 0;
  }

  #endGlobal(bytes: Uint8Array): void {
    this.#globalBytes += bytes.length;
    if (this.#globalBytes > GLOBAL_LIMIT) throw fail(`global PAX headers have more than ${GLOBAL_LIMIT} bytes`);
    forgetPerMember(readPax(bytes, this.#global));
  }

  #begin(header: Header): void {
    const pax = this.#pax ?? (this.#global.size > 0 ? new Map(this.#global) : new Map<string, Uint8Array>());
    const member: Member = Object.assign(header, { pax, sparse: undefined });
    if (pax.size > 0) applyPax(member);
    // in this order, as Go's archive/tar
    if (this.#longName !== undefined) member.name = this.#longName;
    if (this.#longLink !== undefined) member.linkName = this.#longLink;
    this.#pax = this.#longName = this.#longLink = undefined;
    if (DATALESS.has(member.type)) member.size = 0;
    this.#member = member;
    this.#remaining = member.size;
    this.#padding = (BLOCK - (member.size % BLOCK)) % BLOCK;
    if (member.type === "S") {
      this.#extents = [];
      const { more, size } = readOldHeader(member, this.#extents);
      this.#sparseSize = size;
      if (more) this.#state = "old-sparse";
      else this.#startSparse(checkMap(this.#extents, size, member.size));
      return;
    }
    if (isSparse10(pax)) {
      this.#map = new SparseMapReader(pax, member.size);
      this.#state = "sparse-map";
      return;
    }
    const map = readPaxMap(pax, member.size);
    if (map === undefined) this.#startData();
    else this.#startSparse(map);
  }

  #moreExtents(block: Uint8Array): void {
    const more = readOldExtents(block, 0, 21, this.#extents);
    if (!more && this.#member !== undefined)
      this.#startSparse(checkMap(this.#extents, this.#sparseSize, this.#member.size));
  }

  #mapBlock(block: Uint8Array): void {
    const found = this.#map?.push(block);
    if (found === undefined) return;
    this.#remaining = found.data;
    this.#startSparse(found.map);
  }

  #startSparse(map: SparseMap): void {
    const member = this.#member;
    if (member === undefined) return;
    member.sparse = map;
    this.#extent = 0;
    this.#extentDone = 0;
    this.#startData();
  }

  #startData(): void {
    const member = this.#member;
    if (member === undefined) return;
    this.#sink.begin(member);
    this.#state = "data";
    if (this.#remaining === 0) this.#endData();
  }

  #fileData(chunk: Uint8Array, at: number): number {
    const member = this.#member;
    if (member === undefined) throw fail("internal state");
    const sparse = member.sparse;
    if (sparse === undefined) {
      const take = Math.min(this.#remaining, chunk.length - at);
      this.#sink.data(chunk.subarray(at, at + take), member.size - this.#remaining);
      return this.#took(at, take);
    }
    const extent = sparse.extents[this.#extent];
    if (extent === undefined) throw fail("a sparse file's map ends before its data");
    const take = Math.min(extent.length - this.#extentDone, chunk.length - at);
    if (take > 0) this.#sink.data(chunk.subarray(at, at + take), extent.offset + this.#extentDone);
    this.#extentDone += take;
    if (this.#extentDone === extent.length) {
      this.#extent++;
      this.#extentDone = 0;
    }
    return this.#took(at, take);
  }

  #took(at: number, take: number): number {
    this.#remaining -= take;
    if (this.#remaining === 0) this.#endData();
    return at + take;
  }

  #endData(): void {
    this.#member = undefined;
    this.#sink.end();
    this.#state = this.#padding > 0 ? "skip" : "header";
  }

  #skip(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.#padding, chunk.length - at);
    this.#padding -= take;
    if (this.#padding === 0) this.#state = "header";
    return at + take;
  }
}

/** What the extended header says wins over the header (POSIX pax). */
function applyPax(member: Member): void {
  const { pax } = member;
  member.name = pax.get("GNU.sparse.name") ?? pax.get("path") ?? member.name;
  member.linkName = pax.get("linkpath") ?? member.linkName;
  member.size = paxNumber(pax, "size") ?? member.size;
  member.uid = paxNumber(pax, "uid") ?? member.uid;
  member.gid = paxNumber(pax, "gid") ?? member.gid;
  member.mtime = paxTime(pax, "mtime") ?? member.mtime;
}
