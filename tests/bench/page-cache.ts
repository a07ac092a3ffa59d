/** Executables as the page cache has them. */
import { TEST_PATH } from "../support/skip.ts";

/**
 * Drops the programs from the page cache and reads each from its beginning to its end, before anything is measured. A program that
 * came into the cache by page faults lies there in small pieces, one that was read or written in one go in large ones, which
 * are mapped with fewer faults: an executable of 116 MB starts 1.5 ms slower from small pieces, each time, until it is read anew.
 * So what a program has been through before (a copy, a build, an eviction) would show in its ratios. What somebody else
 * executes at this moment cannot be dropped.
 *
 * @param programs paths, or names on the PATH; those that are not there are left out
 * @throws Error with dd's message when one cannot be read
 */
export function readWhole(programs: readonly string[]): void {
  for (const program of programs) {
    const path = Bun.which(program, { PATH: TEST_PATH });
    if (path === null) continue;
    // dirty pages are not dropped; without blocks to copy, nocache is posix_fadvise(POSIX_FADV_DONTNEED) for the whole file
    const script = 'sync "$1"; dd if="$1" iflag=nocache count=0; dd if="$1" of=/dev/null bs=1M';
    const { success, stderr } = Bun.spawnSync(["sh", "-euc", script, "sh", path]);
    if (!success) throw new Error(`cannot read ${path}: ${stderr.toString().trim()}`);
  }
}
