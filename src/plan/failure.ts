/** What happens when an operation fails: process 0 becomes tsbox again, which says in words what it was. */
import { type ErrorCode, TsboxError } from "../error.ts";
import { E, errnoText } from "../linux/errno.ts";
import { FAILED_DETAIL, FAILED_ERRNO, FAILED_OP, PLAN_FD, type PlanBuilder, type Slot, STDERR } from "./builder.ts";
import { type DecodedOp, decodePlan } from "./decode.ts";
import { selfCommand } from "./self.ts";

/** The internal command that a failure program executes; the plan is descriptor 3, the helpers' log descriptor 4. */
export const EXPLAIN_COMMAND = "__explain-failure";

/**
 * Makes the program that ends a failed plan: `tsbox __explain-failure OP ERRNO DETAIL`.
 * Call it last, so that its descriptors and those of others do not meet. Clean-up operations may be added before with `before`.
 */
export function addFailureProgram(
  plan: PlanBuilder,
  log: Slot = STDERR,
  before?: (program: ReturnType<PlanBuilder["program"]>) => void,
): void {
  const program = plan.program("failure");
  before?.(program);
  program.add("dup2", [PLAN_FD, 3]);
  program.add("dup2", [log, 4]);
  program.add("reset_signals", []);
  const [path, ...rest] = selfCommand();
  const argv = [path ?? "", ...rest, EXPLAIN_COMMAND, FAILED_OP, FAILED_ERRNO, FAILED_DETAIL];
  program.add("execve", [[path ?? ""], argv, []], { expand: true });
  plan.failureProgram = program;
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
