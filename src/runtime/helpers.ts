/** Programs of the host that serve one container, such as pasta: started by the supervisor, ended with the container. */
import { PR_SET_PDEATHSIG, SIGKILL } from "../linux/abi.gen.ts";
import type { HelperProcess } from "../network/index.ts";
import { type PlanBuilder, type Program, type Slot, STDIN } from "../plan/index.ts";

/** Starts it and waits until it is ready. Returns the slot of its pidfd in `outside`. */
export function addHelper(
  plan: PlanBuilder,
  outside: Program,
  helper: HelperProcess,
  use: { log: Slot; child: Slot },
): Slot {
  const pidfd = outside.slot();
  const [ours, theirs] = [outside.slot(), outside.slot()];
  const program = plan.program(helper.kind, outside);
  // a pipe, because pasta opens what it writes to by name, which a socket refuses (ENXIO)
  outside.add("pipe", [ours, theirs]);
  outside.add("clone", [program, 0, pidfd, null, 0, SIGKILL], { note: `start ${helper.kind}` });
  outside.add("close", [theirs]);
  outside.add("recv_ready", [ours], { note: `set up the network with ${helper.kind}` });
  outside.add("close", [ours]);

  program.add("prctl", [PR_SET_PDEATHSIG, SIGKILL, 0], { note: "end with the supervisor" });
  const none = program.slot();
  program.add("openat2", [none, null, "/dev/null", 0, 0, 0], { note: "open /dev/null" });
  program.add("dup2", [none, STDIN]);
  program.add("dup2", [use.log, 1]);
  program.add("dup2", [use.log, 2]);
  program.add("setsid", []); // the terminal's Ctrl-C is not meant for it
  program.add("reset_signals", []);
  program.add("close_on_exec_from", [3]);
  program.add("dup2", [theirs, helper.readyFD]);
  program.add("execve", [[helper.argv[0]], helper.argv, helper.env], { expand: true, note: `run ${helper.argv[0]}` });
  return pidfd;
}
