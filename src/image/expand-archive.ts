/** Decompressing an archive into a file without a name. */
import { isTsboxError, TsboxError } from "../error.ts";
import { E, errnoText } from "../linux/errno.ts";
import { randomHex } from "../linux/random.ts";
import type { Compression } from "../oci/index.ts";
import { type FileHandle, readAt } from "./read-at.ts";
import { decompress } from "./unpack/decompress.ts";

const CHUNK = 1024 * 1024;
/** Beyond this size an archive that grows more than so many times is a bomb: layers are compressed by two or three times. */
const BOMB_SIZE = 4 * 1024 ** 3;
const BOMB_RATIO = 100;

/**
 * @returns the expanded archive, which the caller closes; it takes no space after that
 * @throws TsboxError `invalid` when it is damaged or a bomb, `no-space`, `io`
 */
export async function expandArchive(
  file: FileHandle,
  compression: Compression,
  name: string,
  scratch: string,
): Promise<FileHandle> {
  const { promises } = process.getBuiltinModule("node:fs");
  const { size } = await file.stat();
  const path = `${scratch}/archive-${randomHex(8)}`;
  const output = await promises.open(path, "wx+", 0o600);
  try {
    await promises.unlink(path);
    let total = 0;
    for await (const chunk of decompress(slices(file), compression)) {
      total += chunk.length;
      if (total > BOMB_SIZE && total > size * BOMB_RATIO) {
        throw new TsboxError(
          "invalid",
          `cannot read ${name}: it grows more than ${BOMB_RATIO} times when decompressed`,
        );
      }
      await output.writeFile(chunk);
    }
    return output;
  } catch (error) {
    await output.close();
    throw failure(error, name, scratch);
  }
}

async function* slices(file: FileHandle): AsyncIterable<Uint8Array> {
  for (let at = 0; ; at += CHUNK) {
    const piece = await readAt(file, at, CHUNK);
    if (piece.length > 0) yield piece;
    if (piece.length < CHUNK) return;
  }
}

function failure(error: unknown, name: string, scratch: string): unknown {
  if (isTsboxError(error)) {
    const reason = error.message.replace(/^cannot unpack: /, "");
    return new TsboxError(error.code, reason.startsWith("cannot") ? reason : `cannot read ${name}: ${reason}`, {
      cause: error,
    });
  }
  const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? 0); // cast: node:fs throws only these
  const full = errno === E.ENOSPC || errno === E.EDQUOT;
  return new TsboxError(full ? "no-space" : "io", `cannot expand ${name} in ${scratch}: ${errnoText(errno)}`, {
    cause: error,
  });
}
