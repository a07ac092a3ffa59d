/** Small files that readers see whole: the old one or the new one. */
import { fs } from "./node-fs.ts";

/**
 * Writes beside, flushes, and renames into place. After a power cut there is the old
 * or the new content, never half of one.
 *
 * @param temporary on the same file system; overwritten, and gone afterwards
 * @throws Error of node:fs
 */
export function replaceFile(path: string, content: string | Uint8Array, temporary: string): void {
  const { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } = fs();
  try {
    const fd = openSync(temporary, "w", 0o644);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Flushes a folder, so that the names in it survive a power cut. */
export function flushFolder(path: string): void {
  const { closeSync, fsyncSync, openSync } = fs();
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
