/** The command `tsbox __explain-failure OP ERRNO DETAIL`, which a failed plan executes (failure.ts). */
import { type ErrorCode, TsboxError } from "../error.ts";
import { userNamespaceSwitches } from "../idmap/index.ts";
import { SYS } from "../linux/abi.gen.ts";
import { E, errnoText } from "../linux/errno.ts";
import { syscall } from "../linux/syscall.ts";
import { decodePlan } from "./decode.ts";
import { LOG_NUMBER, PLAN_NUMBER } from "./failure.ts";
import type { OpName } from "./format.gen.ts";
import { OPS } from "./operations.gen.ts";

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
  const argv = op.args.find((arg) => arg.name === "argv")?.value;
  // find_program has only paths, and a note with the program as it was given: `run "sh"`
  const name = argv?.type === "strings" ? (argv.value[0] ?? "") : (op.note ?? "");
  const options = op.args.find((arg) => arg.name === "options")?.value;
  // native counts the options as it hands them over, so that the refused one has a name
  const refused = op.name === "new_mount" && options?.type === "strings" ? options.value[detail - 1] : undefined;
  const note = op.note ?? `carry out ${op.name} (${program.name})`;
  return explain(
    { op: op.name, note: refused === undefined ? note : `${note} with the option ${refused}`, argv0: name },
    errno,
    detail,
    log,
  );
}

/**
 * A failure that native wrote to a file after its plan was gone (native/failure.c, report_failure): code, errno, detail and a number
 * that says nothing, of 32 bits each, then the operation's note, ended by a zero byte.
 * @param argv0 the program that was to be run
 */
export function failureInWords(report: Uint8Array, argv0: string): TsboxError {
  const [code = 0, errno = 0, detail = 0] = new Uint32Array(report.slice(0, 16).buffer);
  const op = (Object.keys(OPS) as OpName[])[code] ?? "fail"; // cast: the keys of the generated table
  const end = report.indexOf(0, 16);
  const note = new TextDecoder().decode(report.subarray(16, end < 0 ? report.length : end));
  return explain({ op, note: note || `carry out ${op}`, argv0 }, errno, detail, "");
}

interface FailedOp {
  readonly op: OpName;
  /** What it does, in words that follow "cannot". */
  readonly note: string;
  readonly argv0: string;
}

function explain({ op, note, argv0 }: FailedOp, errno: number, detail: number, log: string): TsboxError {
  const said = complaintIn(log);
  const build = (code: ErrorCode, message: string) => new TsboxError(code, message, { context: { op, errno } });
  if (op === "execve" || op === "find_program") return build(...executionFailure(note, argv0, errno, detail));
  const ended = errno === E.ECHILD && (op === "hook" || op === "await_fs");
  if (op === "wait_success" || op === "recv_ready" || ended) {
    const hasStatus = op !== "recv_ready" && op !== "await_fs";
    const reason = said === "" ? (hasStatus ? `it ended with status ${detail}` : "it ended") : said;
    return build("host", `cannot ${note}: ${reason}`);
  }
  if (op === "hook" && errno === E.ETIMEDOUT) return build("host", `cannot ${note}: it took longer than its timeout`);
  const off = switchedOff(op, errno);
  if (off !== undefined) return build("denied", `cannot ${note}: ${off}`);
  if (errno === E.ENOENT && note.startsWith("set process.apparmorProfile"))
    return build("host", `cannot ${note}: ${NO_PROFILE}`);
  // a process makes some namespaces for itself
  const remedy = REMEDIES[`${op === "unshare" ? "clone" : op} ${errno}`];
  const code =
    errno === E.ENOSPC || errno === E.EDQUOT ? "no-space" : errno === E.EPERM || errno === E.EACCES ? "denied" : "host";
  return build(code, `cannot ${note}: ${errnoText(errno)}${remedy === undefined ? "" : `; ${remedy}`}`);
}

/** Why a program failed, by its own words: the last line, or the one before it lists its options (pasta also tells of a lack of syslog). */
function complaintIn(log: string): string {
  const lines = log
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^Failed to send \d+ bytes to syslog$/.test(line));
  const usage = lines.findIndex((line) => /^usage\b/i.test(line));
  return lines.at(usage > 0 ? usage - 1 : -1) ?? "";
}

/** The host's setting that is the cause, and how to change it, where namespaces were refused. */
function switchedOff(op: OpName, errno: number): string | undefined {
  const refusesNamespaces = (op === "clone" || op === "unshare") && (errno === E.ENOSPC || errno === E.EPERM);
  // AppArmor lets the namespace be made, and then takes the capability to map ids in it.
  if (!refusesNamespaces && !(op === "write_file" && errno === E.EPERM)) return undefined;
  // What root makes needs no user namespace.
  if (process.geteuid?.() === 0) return undefined;
  const [first] = userNamespaceSwitches();
  return first === undefined ? undefined : `${first.why}; ${first.remedy}`;
}

function executionFailure(note: string, program: string, errno: number, detail: number): [ErrorCode, string] {
  // Docker's and runc's words, which other engines match
  if (errno === E.ENOENT && detail === 1) {
    return [
      "command-not-found",
      `cannot ${note}: the interpreter or loader that it names does not exist in the container`,
    ];
  }
  if (errno === E.ENOENT || errno === E.ENOTDIR) {
    const reason = program.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
    return ["command-not-found", `cannot ${note}: ${reason}`];
  }
  return ["command-not-executable", `cannot ${note}: ${errnoText(errno)}`];
}

const NO_PROFILE = "AppArmor has no profile of this name; an administrator loads it: apparmor_parser --replace FILE";

/** What a person can do, by operation and errno, where the kernel's answer does not tell. */
const REMEDIES: Record<string, string> = {
  [`clone ${E.ENOSPC}`]: "the limit on namespaces is reached; see user.max_user_namespaces and run tsbox doctor",
  [`clone ${E.EPERM}`]: "user namespaces are refused on this host; run tsbox doctor",
  [`clone ${E.EUSERS}`]: "user namespaces are nested too deeply",
  [`clone ${E.ENOSYS}`]:
    "a seccomp filter hides clone3(2), as in a container: one that is to run containers takes --privileged, or --security-opt seccomp=unconfined",
  [`clone ${E.EAGAIN}`]: "the limit on processes is reached (ulimit -u)",
  [`write_file ${E.EPERM}`]: "run tsbox doctor",
  [`prlimit ${E.EPERM}`]: "only root may raise a limit above the hard one of whoever starts tsbox (ulimit -H -a)",
};
