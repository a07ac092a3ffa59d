/** `tsbox __tree`: work on trees as root of the user namespace that they were made in. */
import { type ErrorCode, TsboxError } from "../../error.ts";
import { compileHotCode } from "../../linux/engine.ts";
import { E, errnoText, SyscallError } from "../../linux/errno.ts";
import { type FlattenJob, flatten } from "./flatten.ts";
import { removeDeep } from "./remove-deep.ts";

export type TreeJob =
  | ({ readonly kind: "copy" } & FlattenJob)
  /** An absolute path. */
  | { readonly kind: "remove"; readonly path: string };

/** What a worker says on standard output; nothing else is said there. */
export type TreeReply =
  | { readonly ok: true }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** The job is JSON on standard input. @returns the exit status */
export async function treeWorkerMain(): Promise<number> {
  compileHotCode();
  const job = JSON.parse(await Bun.stdin.text()) as TreeJob; // cast: only tsbox starts it
  await Bun.write(Bun.stdout, JSON.stringify(work(job)));
  return 0;
}

function work(job: TreeJob): TreeReply {
  const what = job.kind === "copy" ? "copy the image's layers" : `remove ${job.path}`;
  try {
    if (job.kind === "copy") flatten(job);
    else removeDeep(job.path);
    return { ok: true };
  } catch (error) {
    return { error: explain(error, what) };
  }
}

function explain(error: unknown, what: string): { code: ErrorCode; message: string } {
  if (error instanceof TsboxError) return { code: error.code, message: error.message };
  if (!(error instanceof SyscallError)) return { code: "internal", message: `cannot ${what}: ${String(error)}` };
  const full = error.errno === E.ENOSPC || error.errno === E.EDQUOT;
  const code = full ? "no-space" : error.errno === E.EBUSY ? "busy" : "io";
  const where = error.path === undefined ? "" : ` ${JSON.stringify(Buffer.from(error.path, "latin1").toString())}`;
  return { code, message: `cannot ${what}: ${error.syscall}${where}: ${errnoText(error.errno)}` };
}
