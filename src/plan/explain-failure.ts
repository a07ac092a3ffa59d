/** The command `tsbox __explain-failure OP ERRNO DETAIL`, which a failed plan executes (failure.ts). */
import { type ErrorCode, TsboxError } from "../error.ts";
import { SYS } from "../linux/abi.gen.ts";
import { E, errnoText } from "../linux/errno.ts";
import { syscall } from "../linux/syscall.ts";
import { type DecodedOp, decodePlan } from "./decode.ts";
import { LOG_NUMBER, PLAN_NUMBER } from "./failure.ts";

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
  return failureOf(readAll(PLAN_NUMBER), op, errno, detail, new TextDecoder().decode(readAll(LOG_NUMBER)));
}

/** A sentence about a failed operation, as an error with the code that decides the exit status. */
export function failureOf(
  planBytes: Uint8Array,
  index: number,
  errno: number,
  detail: number,
  log: string,
): TsboxError {
  const program = decodePlan(planBytes).findLast((candidate) => candidate.first <= index);
  const op = program?.ops[index - program.first];
  if (program === undefined || op === undefined) {
    return new TsboxError("internal", `cannot set up the container: ${errnoText(errno)}`);
  }
  const said = log.trim().split("\n").at(-1) ?? "";
  const verb = op.note ?? `carry out ${op.name} (${program.name})`;
  const context = { op: op.name, index, errno, program: program.name };
  const build = (code: ErrorCode, message: string) => new TsboxError(code, message, { context });
  if (op.name === "execve") return build(...executionFailure(op, verb, errno, detail));
  if (op.name === "wait_success" || op.name === "recv_ready") {
    const reason = said === "" ? (op.name === "wait_success" ? `it ended with status ${detail}` : "it ended") : said;
    return build("host", `cannot ${verb}: ${reason}`);
  }
  const remedy = REMEDIES[`${op.name} ${errno}`];
  const code =
    errno === E.ENOSPC || errno === E.EDQUOT ? "no-space" : errno === E.EPERM || errno === E.EACCES ? "denied" : "host";
  return build(code, `cannot ${verb}: ${errnoText(errno)}${remedy === undefined ? "" : `; ${remedy}`}`);
}

function executionFailure(op: DecodedOp, verb: string, errno: number, detail: number): [ErrorCode, string] {
  const argv = op.args.find((arg) => arg.name === "argv")?.value;
  const program = argv?.type === "strings" ? (argv.value[0] ?? "") : "";
  // Docker's and runc's words, which other engines match
  if (errno === E.ENOENT && detail === 1) {
    return [
      "command-not-found",
      `cannot ${verb}: the interpreter or loader that it names does not exist in the container`,
    ];
  }
  if (errno === E.ENOENT || errno === E.ENOTDIR) {
    const reason = program.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
    return ["command-not-found", `cannot ${verb}: ${reason}`];
  }
  return ["command-not-executable", `cannot ${verb}: ${errnoText(errno)}`];
}

/** What a person can do, by operation and errno, where the kernel's answer does not tell. */
const REMEDIES: Record<string, string> = {
  [`clone ${E.ENOSPC}`]: "the limit on namespaces is reached; see user.max_user_namespaces and run tsbox doctor",
  [`clone ${E.EPERM}`]: "user namespaces are refused on this host; run tsbox doctor",
  [`clone ${E.EUSERS}`]: "user namespaces are nested too deeply",
  [`clone ${E.EAGAIN}`]: "the limit on processes is reached (ulimit -u)",
  [`write_file ${E.EPERM}`]: "run tsbox doctor",
};
