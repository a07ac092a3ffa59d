/**
 * Tar archives that hold an image, read in place: the members are found once, by going from header to header, and then read at
 * their offsets. Nothing is unpacked, so no name or link of an archive ever becomes a path on disk (CVE-2025-11395): names
 * are keys of a map, and a link is one more key.
 */
import { TsboxError } from "../error.ts";
import { reasonOf } from "../linux/errno.ts";
import type { Compression } from "../oci/index.ts";
import { expandArchive } from "./expand-archive.ts";
import { type FileHandle, readAt } from "./read-at.ts";
import { cleanName, indexMembers, type Member } from "./tar-index.ts";

/** How much of a member is read at a time: each piece costs a call. */
const CHUNK = 4 * 1024 * 1024;

// RFC 1952; RFC 8878; the file format pages of xz and bzip2
const MAGIC: readonly (readonly [bytes: readonly number[], Compression | "xz" | "bzip2"])[] = [
  [[0x1f, 0x8b], "gzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz"],
  [[0x42, 0x5a, 0x68], "bzip2"],
];

/**
 * What compression the first bytes are of; `none` for anything else.
 * @param what for messages
 * @throws TsboxError `unsupported` for xz and bzip2
 */
export function sniffCompression(start: Uint8Array, what: string): Compression {
  const found = MAGIC.find(([bytes]) => bytes.every((byte, at) => start[at] === byte))?.[1] ?? "none";
  if (found === "none" || found === "gzip" || found === "zstd") return found;
  throw new TsboxError("unsupported", `cannot read ${what}: it is compressed with ${found}; decompress it first`);
}

export class Archive implements AsyncDisposable {
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(name: string, file: FileHandle, members: ReadonlyMap<string, Member>) {
    this.#name = name;
    this.#file = file;
    this.#members = members;
  }

  /**
   * @param name of the image, for messages
   * @param scratch folder on disk; a compressed archive is expanded into a file there that has no name, so that it can be read
   *   at offsets and is gone when this process ends
   * @throws TsboxError `not-found`, `invalid`, `unsupported`, `no-space`
   */
  static async open(path: string, name: string, scratch: string): Promise<Archive> {
    let file = await openFile(path, name);
    try {
      const start = await readAt(file, 0, 8);
      const compression = sniffCompression(start, name);
      if (compression !== "none") {
        const expanded = await expandArchive(file, compression, name, scratch);
        await file.close();
        file = expanded;
      }
      return new Archive(name, file, await indexMembers(file, name));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The regular file of that name, or the one that a link of that name stands for. */
  find(path: string): Member | undefined {
    return this.#members.get(cleanName(path));
  }

  /** @throws TsboxError `not-found` saying `missing`, `invalid` when it is larger than `limit` bytes */
  async read(path: string, limit: number, missing: string): Promise<Uint8Array> {
    const member = this.find(path);
    if (member === undefined) throw new TsboxError("not-found", `cannot use ${this.#name}: ${missing}`);
    if (member.size > limit)
      throw new TsboxError(
        "invalid",
        `cannot use ${this.#name}: ${JSON.stringify(path)} is larger than ${limit} bytes`,
      );
    return await readAt(this.#file, member.offset, member.size);
  }

  /** A member's first bytes. */
  async start(member: Member, length: number): Promise<Uint8Array> {
    return await readAt(this.#file, member.offset, Math.min(length, member.size));
  }

  /** A member's bytes from there on. */
  async *slices(member: Member, from: number): AsyncIterable<Uint8Array> {
    for (let at = from; at < member.size; at += CHUNK) {
      yield await readAt(this.#file, member.offset + at, Math.min(CHUNK, member.size - at));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function openFile(path: string, name: string): Promise<FileHandle> {
  const { constants, promises } = process.getBuiltinModule("node:fs");
  let file: FileHandle;
  try {
    // without O_NONBLOCK a fifo would hold us up for ever
    file = await promises.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT"; // cast: node:fs throws only these
    const reason = missing ? `there is no file ${path}` : reasonOf(cause);
    throw new TsboxError(missing ? "not-found" : "denied", `cannot use ${name}: ${reason}`, { cause });
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  const hint = stat.isDirectory()
    ? `${path} is a folder; for an image layout in a folder write oci:${path}`
    : `${path} is not a file`;
  throw new TsboxError("usage", `cannot use ${name}: ${hint}`);
}
