/** The command `tsbox __explain-failure OP ERRNO DETAIL`, which a failed plan executes (failure.ts). */

import type { TsboxError } from "../error.ts";
import { SYS } from "../linux/abi.gen.ts";
import { syscall } from "../linux/syscall.ts";
import { failureOf } from "./failure.ts";

const PLAN = 3;
const LOG = 4;

/** All of an open file from its beginning; empty when it cannot be read (a log that is a terminal). */
function readAll(fd: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const chunk = new Uint8Array(65536);
    const size = syscall(SYS.pread64, fd, chunk, chunk.length, at);
    if (size <= 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, size));
    at += size;
  }
}

/** @returns what failed, as an error for `main.ts` to print; its code decides the exit status (125, 126 or 127) */
export function explainFailure(args: readonly string[]): TsboxError {
  const [op = 0, errno = 0, detail = 0] = args.map(Number);
  return failureOf(readAll(PLAN), op, errno, detail, new TextDecoder().decode(readAll(LOG)));
}
