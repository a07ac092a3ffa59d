/**
 * The files of events: `events.jsonl`, and what it was renamed to when it was full, `events.jsonl.1` before `.2`. The last few are kept, so
 * that whoever follows finds what was written while it looked away.
 */
import { AT_FDCWD, SYS } from "../linux/abi.gen.ts";
import { listFolder } from "../linux/directory.ts";
import { tryLockFile } from "../linux/lock.ts";
import { statIfPresent } from "../linux/stat.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { eventsFile, SIZE_LIMIT } from "./events.ts";

/** Beside the one that is written to. */
const KEPT = 4;
const RENAME_NOREPLACE = 1;

/** Numbers of the full files, the oldest first. */
export function fullFiles(store: string): number[] {
  return listFolder(store)
    .flatMap(({ name }) => /^events\.jsonl\.(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Begins a new file. Who has opened the old one, and has not written yet, still writes to it. One that cannot be renamed goes on growing. */
export function rotateEvents(store: string): void {
  using lock = tryLockFile(`${eventsFile(store)}.lock`, { mode: "exclusive" });
  // another does it, or has done it
  if (lock === undefined) return;
  const path = eventsFile(store);
  if ((statIfPresent(path)?.size ?? 0) <= SIZE_LIMIT) return;
  const full = fullFiles(store);
  const next = `${path}.${(full.at(-1) ?? 0) + 1}`;
  if (syscall(SYS.renameat2, AT_FDCWD, cstring(path), AT_FDCWD, cstring(next), RENAME_NOREPLACE) !== 0) return;
  for (const number of full.slice(0, Math.max(full.length + 1 - KEPT, 0)))
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${path}.${number}`), 0);
}
