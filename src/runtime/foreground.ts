/** The plan of `tsbox run IMAGE`: a container that its caller waits for, with helpers that serve it and end with it. */
import { AT_REMOVEDIR } from "../linux/abi.gen.ts";
import { ANY_FAILURE, addFailureProgram, PlanBuilder, type Program, STDIN, STDOUT } from "../plan/index.ts";
import { addHelperEnd, addRemoval, type OwnedVolumes } from "./removal.ts";
import { addDestroyed, addEnd, addServed, type ServedOptions } from "./served.ts";

export interface CompileOptions extends ServedOptions {
  /** Files and folders to be removed when the container has ended (`always`), or only when it could not be started. */
  readonly remove: { readonly always: readonly string[]; readonly onFailure: readonly string[] };
  /** argv of a tsbox command for a clean-up that native could not finish. */
  readonly cleanup: readonly string[];
  /** Volumes that go with its end. */
  readonly owned?: OwnedVolumes | undefined;
  /** A tsbox command, instead of the one that only says why, for a container that could not be started. */
  readonly failure?: readonly [string, ...string[]] | undefined;
}

/**
 * @returns the plan of a container that runs in the foreground, for `becomeNative`. The cgroup is removed with it
 * @throws TsboxError naming the field that cannot be carried out
 */
export function compileForeground(options: CompileOptions): Uint8Array {
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const terminal = options.config.process?.terminal === true;
  const stdin = options.interactive ? "inherit" : "null";
  const log = outside.slot();
  outside.add("memfd", [log, "helpers"]);
  const { child, master, helpers, userns } = addServed(plan, outside, log, options, {
    stdio: () => ({ stdin, stdout: undefined, stderr: undefined }),
    removes: options.remove.always.length + options.remove.onFailure.length > 0 || options.owned !== undefined,
  });
  const output = terminal ? STDOUT : null;
  outside.add("supervise", [child, master, options.interactive ? STDIN : null, output]);
  addHelperEnd(outside, helpers);
  addEnd(outside, options);
  const { owned, cleanup } = options;
  addRemoval(plan, outside, { always: options.remove.always, owned, cleanup, userns });
  addDestroyed(outside, options);
  if (options.cgroup !== undefined)
    outside.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR], { recover: ANY_FAILURE });
  outside.add("exit", [256]);
  const clean = (program: Program) => {
    addHelperEnd(program, helpers);
    for (const path of [...options.remove.always, ...options.remove.onFailure])
      program.add("remove_tree", [null, path]);
    if (options.cgroup !== undefined) program.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR]);
  };
  addFailureProgram(plan, log, clean, options.failure);
  return plan.encode();
}
