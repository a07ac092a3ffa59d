/** Arithmetic on ranges of ids. Pure. */
import type { IdRange } from "./mapping.ts";

/** Ids `start` to `start + count - 1` of the host. */
export interface HostRange {
  readonly start: number;
  readonly count: number;
}

/** The kernel takes so many lines in a uid_map or gid_map (user_namespaces(7), since Linux 4.15). */
const MAX_LINES = 340;

/** `range` without the ids that `taken` covers: zero or more pieces, in order. */
function subtract(range: HostRange, taken: readonly HostRange[]): HostRange[] {
  let pieces = [range];
  for (const { start, count } of taken) {
    const end = start + count;
    pieces = pieces.flatMap((piece) => {
      const pieceEnd = piece.start + piece.count;
      const left = { start: piece.start, count: Math.min(start, pieceEnd) - piece.start };
      const right = { start: Math.max(end, piece.start), count: pieceEnd - Math.max(end, piece.start) };
      return [left, right].filter((part) => part.count > 0);
    });
  }
  return pieces;
}

/**
 * Ranges in the order given, without ids that came before and without `own` (the caller's id is mapped by itself, and the
 * kernel refuses a map in which an id stands twice); neighbours joined.
 */
export function mergeRanges(ranges: readonly HostRange[], own: number): HostRange[] {
  const [only, ...others] = ranges;
  // what nearly every user has: one range, far from the own id
  if (only !== undefined && others.length === 0 && (own < only.start || own >= only.start + only.count)) return [only];
  const merged: { start: number; count: number }[] = [];
  for (const range of ranges) {
    for (const piece of subtract(range, [{ start: own, count: 1 }, ...merged])) {
      const last = merged.at(-1);
      if (last !== undefined && last.start + last.count === piece.start) last.count += piece.count;
      else merged.push({ ...piece });
    }
  }
  return merged;
}

/** How many ids the ranges hold together. */
export function countIds(ranges: readonly { readonly count: number }[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

/**
 * A map in which the container's id `inside` is the caller's `own` id, and its other ids 0, 1, 2, ... are the subordinate
 * ones in order. With `inside` 0 that is "root in the container is the caller"; otherwise it is podman's keep-id.
 */
export function layOut(own: number, inside: number, subordinate: readonly HostRange[]): IdRange[] {
  const lines: IdRange[] = [];
  let container = inside === 0 ? 1 : 0;
  for (const { start, count } of subordinate) {
    // the caller's place is left out: what would reach over it is cut in two
    const before = container < inside ? Math.min(count, inside - container) : count;
    lines.push({ container, host: start, count: before });
    container += before;
    if (container === inside) container++;
    if (before === count) continue;
    lines.push({ container, host: start + before, count: count - before });
    container += count - before;
  }
  return [{ container: inside, host: own, count: 1 }, ...lines.slice(0, MAX_LINES - 1)];
}
