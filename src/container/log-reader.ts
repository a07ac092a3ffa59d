/**
 * Reading what a monitor has written (native/log.c): records of lines, and of pieces of lines, from the oldest file to the newest.
 * Bytes that were no UTF-8 are escapes \udc80 to \udcff in the records, and bytes again here.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { TsboxError } from "../error.ts";
import { errnoText } from "../linux/errno.ts";

export interface LogRecord {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339, in UTC, with nanoseconds. */
  readonly time: string;
  /** Ends with a newline unless the line goes on in the next record. */
  readonly data: Uint8Array;
}

/** A file that grows: keeps what is not a whole record yet. */
class RecordFile {
  readonly fd: number;
  #rest = Buffer.alloc(0);
  #at = 0;

  constructor(path: string) {
    this.fd = openSync(path, "r");
  }

  /** What has come since. */
  *read(): Generator<LogRecord> {
    const buffer = Buffer.allocUnsafe(1 << 18);
    for (;;) {
      const size = readSync(this.fd, buffer, 0, buffer.length, this.#at);
      if (size === 0) {
        if (fstatSync(this.fd).size >= this.#at) return;
        // the only file of a log begins again when it is full
        this.#at = 0;
        this.#rest = Buffer.alloc(0);
        continue;
      }
      this.#at += size;
      const text =
        this.#rest.length === 0 ? buffer.subarray(0, size) : Buffer.concat([this.#rest, buffer.subarray(0, size)]);
      let at = 0;
      for (let end = text.indexOf(10, at); end >= 0; end = text.indexOf(10, at)) {
        const record = parseRecord(text.toString("utf8", at, end));
        at = end + 1;
        if (record !== undefined) yield record;
      }
      this.#rest = Buffer.from(text.subarray(at));
    }
  }

  isSame(other: RecordFile): boolean {
    const [ours, theirs] = [fstatSync(this.fd), fstatSync(other.fd)];
    return ours.ino === theirs.ino && ours.dev === theirs.dev;
  }

  close(): void {
    closeSync(this.fd);
  }
}

function parseRecord(line: string): LogRecord | undefined {
  if (line === "") return undefined;
  try {
    const { log, stream, time } = JSON.parse(line) as { log: string; stream: "stdout" | "stderr"; time: string }; // cast: the monitor's
    return { stream, time, data: toBytes(log) };
  } catch (cause) {
    throw new TsboxError("invalid", `cannot read the log: it has a line that is no record: ${line.slice(0, 60)}`, {
      cause,
    });
  }
}

const encoder = new TextEncoder();

function toBytes(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff)
      i++; // the first half of a real pair
    else if (unit >= 0xdc80 && unit <= 0xdcff) {
      parts.push(encoder.encode(text.slice(from, i)), Uint8Array.of(unit & 0xff));
      from = i + 1;
    }
  }
  parts.push(encoder.encode(text.slice(from)));
  return Buffer.concat(parts);
}

/** The `i`th file of a log, 0 being the newest; undefined when there is none of that name this moment. */
function openNth(path: string, i: number): RecordFile | undefined {
  try {
    return new RecordFile(i === 0 ? path : `${path}.${i}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // cast: of node:fs
    throw error;
  }
}

/** While files are renamed, one after the other, a single name is missing; where two are, there are no more. */
function* filesFromNewest(path: string): Generator<RecordFile> {
  for (let i = 0, missing = 0; missing < 2; i++) {
    const file = openNth(path, i);
    missing = file === undefined ? missing + 1 : 0;
    if (file !== undefined) yield file;
  }
}

/** The oldest file of a log, open; undefined when there is none. */
function oldestFile(path: string): RecordFile | undefined {
  let oldest: RecordFile | undefined;
  for (const file of filesFromNewest(path)) {
    oldest?.close();
    oldest = file;
  }
  return oldest;
}

/**
 * All records, and with `follow` those that come until `ended` says that no more will.
 * @param folder the container's
 */
export async function* readLog(
  folder: string,
  follow?: { ended(): boolean; changed(): Promise<void> },
): AsyncGenerator<LogRecord> {
  const path = `${folder}/log/container.log`;
  let first = oldestFile(path);
  while (first === undefined) {
    if (follow?.ended() ?? true) return;
    await follow?.changed();
    first = oldestFile(path);
  }
  let file = first;
  try {
    for (let again = false; ; again = true) {
      const over = follow === undefined || follow.ended();
      // without following, what is there now is all
      const newer = again && follow === undefined ? [] : newerFiles(path, file);
      yield* file.read();
      // all but the last are full
      for (const next of newer) {
        file.close();
        file = next;
        if (next !== newer.at(-1)) yield* file.read();
      }
      if (newer.length > 0) continue;
      if (over) return;
      await follow?.changed();
    }
  } finally {
    file.close();
  }
}

/**
 * Files that were begun after one that is open, in their order. From the newest on, because files only get older names: one that is
 * renamed meanwhile is met twice, and a new one is found the next time.
 */
function newerFiles(path: string, file: RecordFile): RecordFile[] {
  const found: RecordFile[] = [];
  for (const other of filesFromNewest(path)) {
    const ours = other.isSame(file);
    if (ours || found.some((each) => each.isSame(other))) other.close();
    else found.unshift(other);
    if (ours) break;
  }
  return found;
}

/** How many bytes a monitor could not write, in words; undefined when none were lost. */
export function lostOutput(folder: string): string | undefined {
  const path = `${folder}/log/lost`;
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length < 16) return undefined;
  const count = bytes.readBigUInt64LE(0);
  return count === 0n
    ? undefined
    : `${count} bytes of output were lost: ${errnoText(Number(bytes.readBigUInt64LE(8)))}`;
}
