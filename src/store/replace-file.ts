/** Small files that readers see whole: the old one or the new one. */
import { E } from "../linux/errno.ts";
import { errnoOf } from "./failure.ts";
import { fs } from "./node-fs.ts";

/**
 * Writes beside, flushes, and renames into place (or links, when what exists shall win). After a power cut there is the old
 * or the new content, never half of one.
 *
 * @param temporary on the same file system; overwritten, and gone afterwards
 * @throws Error of node:fs
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  temporary: string,
  options: { readonly keepExisting?: boolean } = {},
): void {
  const { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } = fs();
  try {
    const fd = openSync(temporary, "w", 0o644);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (!options.keepExisting) renameSync(temporary, path);
    else {
      try {
        linkSync(temporary, path);
      } catch (error) {
        if (errnoOf(error) !== E.EEXIST) throw error;
      }
      rmSync(temporary);
    }
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
