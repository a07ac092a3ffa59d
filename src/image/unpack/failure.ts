/** What a failed system call means for the layer that is unpacked. */
import { type ErrorCode, TsboxError } from "../../error.ts";
import { E, errnoText } from "../../linux/errno.ts";
import { shownPath } from "./bytes.ts";

/** These are the archive's fault: names too long, links in a circle, something below a file. */
const HOSTILE = new Set<number>([E.ENAMETOOLONG, E.ELOOP, E.ENOTDIR, E.EISDIR]);

/**
 * Passes a system call's result through.
 * @throws TsboxError naming the entry
 */
export function checkEntry(call: string, result: number, path: string): number {
  if (result >= 0) return result;
  throw entryFailure(call, -result, path);
}

export function entryFailure(call: string, errno: number, path: string): TsboxError {
  const full = errno === E.ENOSPC || errno === E.EDQUOT;
  const code: ErrorCode = full ? "no-space" : HOSTILE.has(errno) ? "invalid" : "io";
  return new TsboxError(code, `cannot unpack ${shownPath(path)}: ${call}: ${errnoText(errno)}`, {
    context: { path, errno },
  });
}
