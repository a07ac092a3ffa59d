/** Hashing what is on disk, without holding up the rest of the process. */
import { fs } from "./node-fs.ts";

const CHUNK = 1024 * 1024;

/**
 * Feeds a file's bytes to a hash.
 *
 * @param signal checked between pieces
 * @returns how many bytes there were
 * @throws Error of node:fs, or the signal's reason
 */
export async function hashFile(path: string, hash: Bun.CryptoHasher, signal?: AbortSignal): Promise<number> {
  const handle = await fs().promises.open(path, "r");
  const buffer = new Uint8Array(CHUNK);
  let total = 0;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, total);
      if (bytesRead === 0) return total;
      hash.update(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
