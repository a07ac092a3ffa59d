/** Programs of the host that serve one container, such as pasta: started by the supervisor, ended with the container. */
import { PR_SET_PDEATHSIG, SIGKILL } from "../linux/abi.gen.ts";
import { type PlanBuilder, type Program, type Slot, STDIN } from "../plan/index.ts";

export interface HostHelper {
  /** For messages: `pasta`. */
  readonly name: string;
  /** Absolute path of the program. */
  readonly path: string;
  /** argv, in which the byte 1 stands for the pid of the container's first process. */
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /**
   * `exit`: it is ready when it exits with status 0, having left a process of its own behind that ends by itself.
   * `pipe`: it is ready when it writes a byte to the descriptor with this number, and stays.
   */
  readonly ready: "exit" | { readonly fd: number };
}

/** Starts it and waits until it is ready. Returns the slot of its pidfd in `outside`. */
export function addHelper(
  plan: PlanBuilder,
  outside: Program,
  helper: HostHelper,
  use: { log: Slot; child: Slot },
): Slot {
  const pidfd = outside.slot();
  const [ours, theirs] = [outside.slot(), outside.slot()];
  const program = plan.program(helper.name, outside);
  outside.add("socketpair", [ours, theirs]);
  outside.add("clone", [program, 0, pidfd, null, 0, SIGKILL], { note: `start ${helper.name}` });
  outside.add("close", [theirs]);
  if (helper.ready === "exit") outside.add("wait_success", [pidfd], { note: `set up the network with ${helper.name}` });
  else outside.add("recv_ready", [ours], { note: `set up the network with ${helper.name}` });
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
  if (helper.ready !== "exit") program.add("dup2", [theirs, helper.ready.fd]);
  program.add("execve", [[helper.path], helper.argv, helper.env], { expand: true, note: `run ${helper.path}` });
  return pidfd;
}
