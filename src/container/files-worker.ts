/**
 * `tsbox __container-files JOB`: work on a container's files as root of a user namespace with its mapping. Archives come in on
 * standard input and go out on standard output; failures are one line of JSON on standard error.
 */
import { type ErrorCode, TsboxError } from "../error.ts";
import { compileHotCode } from "../linux/engine.ts";
import { E, errnoText, SyscallError } from "../linux/errno.ts";
import { openTree } from "../rootfs/tree/index.ts";
import { packLayer } from "./changes/layer.ts";
import { type ChangesJob, Walk } from "./changes/walk.ts";
import { type CopyInJob, copyIn } from "./copy/copy-in.ts";
import { type CopyOutJob, copyOut } from "./copy/copy-out.ts";
import { ByteOutput } from "./copy/stream.ts";
import { type SizeJob, sizesOfTrees } from "./size.ts";

export type FilesJob =
  | ({ readonly kind: "diff" } & ChangesJob)
  | ({ readonly kind: "layer"; readonly ownersRecorded: boolean } & ChangesJob)
  | ({ readonly kind: "size" } & SizeJob)
  | ({ readonly kind: "copy-out" } & CopyOutJob)
  | ({ readonly kind: "copy-in" } & CopyInJob);

/** The last line that a worker writes to standard error. */
export interface FilesFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** @returns the exit status */
export async function filesWorkerMain([text = ""]: readonly string[]): Promise<number> {
  compileHotCode();
  const job = JSON.parse(text) as FilesJob; // cast: only tsbox starts it
  try {
    work(job);
    return 0;
  } catch (error) {
    const failure = explainFilesError(error, VERBS[job.kind]);
    await Bun.write(Bun.stderr, `${JSON.stringify({ code: failure.code, message: failure.message })}\n`);
    return 1;
  }
}

function work(job: FilesJob): void {
  if (job.kind === "copy-out") copyOut(job, new ByteOutput(1));
  else if (job.kind === "copy-in") copyIn(job, 0);
  else if (job.kind === "size") new ByteOutput(1).write(Buffer.from(JSON.stringify(sizesOfTrees(job))));
  else {
    using opened = new DisposableStack();
    const top = opened.use(openTree(job.top));
    const layers = job.layers.toReversed().map((path) => opened.use(openTree(path)));
    const output = new ByteOutput(1);
    if (job.kind === "layer") for (const bytes of packLayer(job, top, layers)) output.write(bytes);
    else for (const { kind, path } of new Walk(job, top).changes(layers)) output.write(diffLine(kind, path));
  }
}

/** A NUL ends it: names may hold everything else. */
function diffLine(kind: string, path: string): Uint8Array {
  return Buffer.from(`${kind} /${path}\0`, "latin1");
}

const VERBS = { diff: "compare", size: "measure", layer: "commit", "copy-out": "copy", "copy-in": "copy" } as const;

/** What a person is told of a failure that came up while files were read or written. */
export function explainFilesError(error: unknown, verb: string): TsboxError {
  if (error instanceof TsboxError) return error;
  if (!(error instanceof SyscallError)) return new TsboxError("internal", `cannot ${verb}: ${String(error)}`);
  const code: Partial<Record<number, ErrorCode>> = {
    [E.ENOSPC]: "no-space",
    [E.EDQUOT]: "no-space",
    [E.EACCES]: "denied",
    [E.EPERM]: "denied",
    [E.ENOENT]: "not-found",
  };
  const where = error.path === undefined ? "" : ` ${JSON.stringify(Buffer.from(error.path, "latin1").toString())}`;
  const reason = error.errno === E.ELOOP ? "a link is in the way" : `${error.syscall}: ${errnoText(error.errno)}`;
  return new TsboxError(code[error.errno] ?? "io", `cannot ${verb}${where}: ${reason}`, { cause: error });
}
