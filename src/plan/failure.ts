/** What happens when an operation fails: process 0 becomes tsbox again, which says in words what it was. */
import { FAILED_DETAIL, FAILED_ERRNO, FAILED_OP, PLAN_FD, type PlanBuilder, type Slot, STDERR } from "./builder.ts";
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
