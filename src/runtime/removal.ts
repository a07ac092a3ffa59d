/** What the supervisor of a foreground container does when the container has ended. */
import { CLONE_NEWUSER, SIGKILL } from "../linux/abi.gen.ts";
import { ANY_FAILURE, type Label, type PlanBuilder, type Program, type Slot, STDERR } from "../plan/index.ts";

/** Runs a tsbox command to its end; it must succeed. */
export function addCommand(plan: PlanBuilder, outside: Program, argv: readonly string[], log: Slot): void {
  const program = plan.program(argv.find((word) => word.startsWith("__")) ?? "command", outside);
  program.add("dup2", [log, 2]);
  program.add("reset_signals", []);
  program.add("execve", [[argv[0] ?? ""], argv, []], { note: `run ${argv.join(" ")}` });
  const pid = outside.slot();
  outside.add("clone", [program, 0, pid, null, 0, SIGKILL], { note: `start ${program.name}` });
  outside.add("wait_success", [pid], { note: `run ${argv.join(" ")}` });
  outside.add("close", [pid]);
}

export function addHelperEnd(program: Program, helpers: readonly Slot[]): void {
  for (const helper of helpers) {
    const next = program.label();
    program.add("kill", [helper, SIGKILL], { recover: ANY_FAILURE, to: next });
    // reaps it; that it was killed is what was wanted
    program.add("wait_success", [helper], { recover: ANY_FAILURE, to: next });
    program.place(next);
  }
}

/** Removes as root of the container's user namespace, in a process of its own, because entering it is for good. */
function addInsideRemoval(
  plan: PlanBuilder,
  parent: Program,
  userns: Slot,
  paths: readonly string[],
  failed?: Label,
): void {
  const remover = plan.program("remove", parent);
  remover.add("setns", [userns, CLONE_NEWUSER], { note: "enter the container's user namespace" });
  for (const path of paths) remover.add("remove_tree", [null, path], { note: `remove ${path}` });
  const pid = parent.slot();
  const recovery = failed === undefined ? {} : { recover: ANY_FAILURE, to: failed };
  parent.add("clone", [remover, 0, pid, null, 0, 0], recovery);
  parent.add("wait_success", [pid], recovery);
}

/** A container that goes with its end, and the volumes that were made for it. */
export interface OwnedVolumes {
  /** Absolute paths. Each has a file `own` in it until another container has the volume too. */
  readonly folders: readonly string[];
  /** What else goes with them. */
  readonly whole: readonly string[];
}

export interface RemovalOptions {
  readonly always: readonly string[];
  readonly owned?: OwnedVolumes | undefined;
  /** argv of a tsbox command that removes what native could not. */
  readonly cleanup: readonly string[];
  readonly userns: Slot | undefined;
}

/**
 * Removes what goes with a container's end. Who takes away a volume's `own` decides about the volume: either it is removed here, or another
 * container has taken it before, and then tsbox finds out what may be removed.
 */
export function addRemoval(plan: PlanBuilder, outside: Program, options: RemovalOptions): void {
  const { always, owned } = options;
  if (owned === undefined) {
    addRemovalOf(plan, outside, always, options);
    return;
  }
  const [shared, done] = [outside.label(), outside.label()];
  for (const folder of owned.folders)
    outside.add("unlinkat", [null, `${folder}/own`, 0], { recover: ANY_FAILURE, to: shared });
  addRemovalOf(plan, outside, [...owned.folders, ...owned.whole, ...always], options);
  outside.add("jump", [], { to: done });
  outside.place(shared);
  addRemovalOf(plan, outside, always, options);
  addCommand(plan, outside, options.cleanup, STDERR);
  outside.place(done);
}

/** First as the caller, then as root of the container's user namespace, and what is still there is tsbox's to remove. */
function addRemovalOf(
  plan: PlanBuilder,
  outside: Program,
  paths: readonly string[],
  { cleanup, userns }: RemovalOptions,
): void {
  if (paths.length === 0) return;
  const [again, failed, done] = [outside.label(), outside.label(), outside.label()];
  for (const path of paths) outside.add("remove_tree", [null, path], { recover: ANY_FAILURE, to: again });
  outside.add("jump", [], { to: done });
  outside.place(again);
  if (userns !== undefined) {
    addInsideRemoval(plan, outside, userns, paths, failed);
    outside.add("jump", [], { to: done });
  }
  outside.place(failed);
  addCommand(plan, outside, cleanup, STDERR);
  outside.place(done);
}
