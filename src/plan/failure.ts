/** What happens when an operation fails: process 0 becomes tsbox again, which says in words what it was. */
import { FAILED_DETAIL, FAILED_ERRNO, FAILED_OP, PLAN_FD, type PlanBuilder, type Slot, STDERR } from "./builder.ts";
import { selfCommand } from "./self.ts";

/** The internal command that a failure program executes. */
export const EXPLAIN_COMMAND = "__explain-failure";

/** Where it finds the plan and what helpers printed: above any descriptor that a plan has, so that neither covers the other. */
export const PLAN_NUMBER = 101;
export const LOG_NUMBER = 100;

/**
 * Makes the program that ends a failed plan: `tsbox __explain-failure OP ERRNO DETAIL`, or another command with operands behind
 * those three. Placeholders are replaced in them too.
 * Clean-up operations may be added with `before`.
 */
export function addFailureProgram(
  plan: PlanBuilder,
  log: Slot = STDERR,
  before?: (program: ReturnType<PlanBuilder["program"]>) => void,
  command: readonly [string, ...string[]] = [EXPLAIN_COMMAND],
): void {
  const program = plan.program("failure");
  before?.(program);
  program.add("dup2", [PLAN_FD, PLAN_NUMBER]);
  program.add("dup2", [log, LOG_NUMBER]);
  program.add("reset_signals", []);
  const [path, ...rest] = selfCommand();
  const [name, ...operands] = command;
  const argv = [path ?? "", ...rest, name, FAILED_OP, FAILED_ERRNO, FAILED_DETAIL, ...operands];
  program.add("execve", [[path ?? ""], argv, []], { expand: true });
  plan.failureProgram = program;
}
