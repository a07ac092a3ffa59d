/** The plan of `tsbox run IMAGE`: a container that its caller waits for, with helpers that serve it and end with it. */
import { TsboxError } from "../error.ts";
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  OPEN_TREE_CLONE,
  S_IFCHR,
  S_IFDIR,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { HelperProcess } from "../network/index.ts";
import type { RuntimeState } from "../oci/index.ts";
import { addFailureProgram, encode, type Program, type Slot, STDIN, STDOUT, SUBJECT_PID } from "../plan/index.ts";
import { addSetUp, type SetUpOptions } from "./compile.ts";
import type { Compilation } from "./context.ts";
import { GO } from "./conversation.ts";
import { deviceNumber } from "./devices.ts";
import { addHelper } from "./helpers.ts";
import { addProcess } from "./process.ts";
import { ANY_FAILURE, addCommand, addHelperEnd, addRemoval } from "./removal.ts";
import { addListener, type CompiledSeccomp, type SeccompListener } from "./seccomp/index.ts";

export interface CompileOptions
  extends Pick<SetUpOptions, "config" | "mapping" | "root" | "cgroup" | "openNamespaces" | "keyring"> {
  readonly seccomp: CompiledSeccomp | undefined;
  /** Of the `creating` container, for a listener of the filter. */
  readonly state: RuntimeState;
  /** A reaper at pid 1. */
  readonly init: boolean;
  /** Whether the program reads what tsbox's standard input gives; otherwise it has /dev/null. */
  readonly interactive: boolean;
  /** Programs of the host that serve the container (network), started before it and ended with it. */
  readonly helpers: readonly HelperProcess[];
  /** tsbox command lines that run once the helpers are ready, such as publishing ports. */
  readonly commands: readonly (readonly string[])[];
  /** Folders of the root file system that stay writable when the root is read-only; made where they are missing. */
  readonly writablePaths: readonly string[];
  /** Where the pid is written, in decimal, once the program runs. */
  readonly pidFile: string | undefined;
  /** Descriptor of a lock that is held for as long as the container lives; it must be open without close-on-exec. */
  readonly lockFd: number | undefined;
  /** Files and folders to be removed when the container has ended (`always`), or only when it could not be started. */
  readonly remove: { readonly always: readonly string[]; readonly onFailure: readonly string[] };
  /** argv of a tsbox command for a clean-up that native could not finish. */
  readonly cleanup: readonly string[];
}

/**
 * @returns the plan of a container that runs in the foreground, for `becomeNative`. The cgroup is removed with it
 * @throws TsboxError naming the field that cannot be carried out
 */
export function compileForeground(options: CompileOptions): Uint8Array {
  const { config, mapping } = options;
  if (Object.values(config.hooks ?? {}).some((list) => (list?.length ?? 0) > 0))
    throw new TsboxError("unsupported", "cannot run: hooks belong to bundles (tsbox run --bundle)");
  let listener: SeccompListener | undefined;
  const setUp = addSetUp({
    ...options,
    prepare: (outside) => {
      listener = addListener(outside, options.seccomp, options.state);
      if (options.lockFd !== undefined) outside.add("adopt", [outside.slot(), options.lockFd]);
      return undefined;
    },
    inRoot: (compilation) => {
      for (const path of options.writablePaths) addWritablePath(compilation, path, config.root?.readonly === true);
    },
  });
  const { compilation, process, ours, theirs, child, log, terminal } = setUp;
  const { plan, outside, inside } = compilation;
  // removing what subordinate ids own takes the container's user namespace, which lasts as long as this descriptor
  const removes = mapping.kind === "subuid" && options.remove.always.length + options.remove.onFailure.length > 0;
  const userns = removes ? outside.slot() : undefined;
  if (userns !== undefined) {
    outside.add("openat2", [userns, null, `/proc/${SUBJECT_PID}/ns/user`, O_RDONLY, 0, 0], {
      expand: true,
      note: "open the container's user namespace",
    });
  }
  const helpers = options.helpers.map((helper) => addHelper(plan, outside, helper, { log, child }));
  for (const command of options.commands) addCommand(plan, outside, command, log);
  const master = process.terminal ? outside.slot() : null;
  if (master !== null) outside.add("recv_fd", [master, ours], { note: "open the terminal" });
  outside.add("send", [ours, GO], { note: "start the program" });
  inside.add("recv", [theirs, GO], { note: "wait for the supervisor" });
  const stdin = options.interactive ? undefined : addNullInput(inside);
  addProcess(compilation, {
    process,
    seccomp: options.seccomp && { ...options.seccomp, listener },
    terminal,
    stdio: [stdin, undefined, undefined],
    preserveFds: 0,
    keep: [],
    init: options.init,
    deathSignal: SIGKILL,
  });

  outside.add("await_exec", [], { note: "start the program" });
  if (options.pidFile !== undefined) {
    outside.add("write_file", [null, options.pidFile, encode(SUBJECT_PID), O_WRONLY | O_CREAT | O_TRUNC], {
      expand: true,
      note: `write ${options.pidFile}`,
    });
  }
  outside.add("supervise", [child, master, options.interactive ? STDIN : null, master === null ? null : STDOUT]);
  const ended = [...helpers, ...(setUp.rootHelper === undefined ? [] : [setUp.rootHelper])];
  addHelperEnd(outside, ended);
  addRemoval(plan, outside, { always: options.remove.always, cleanup: options.cleanup, userns });
  if (options.cgroup !== undefined)
    outside.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR], { recover: ANY_FAILURE });
  outside.add("exit", [256]);
  addFailureProgram(plan, log, (program) => {
    addHelperEnd(program, ended);
    for (const path of [...options.remove.always, ...options.remove.onFailure])
      program.add("remove_tree", [null, path]);
    if (options.cgroup !== undefined) program.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR]);
  });
  return plan.encode();
}

/** Bound over itself, a folder is a mount of its own, which does not become read-only with the root. */
function addWritablePath({ inside, root, mount, target }: Compilation, path: string, bound: boolean): void {
  inside.add("make_in", [target, root, path, 0o755, S_IFDIR], { note: `make the folder ${path}` });
  if (bound) {
    const note = `keep ${path} writable`;
    inside.add("open_tree", [mount, target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH], { note });
    inside.add("attach", [mount, root, path, S_IFDIR, 1], { note });
  }
  inside.add("close", [target]);
}

/** Without -i a program reads end of file. It is the container's /dev/null, whose device was verified when it was bound. */
function addNullInput(inside: Program): Slot {
  const slot = inside.slot();
  inside.add("openat2", [slot, null, "/dev/null", O_RDONLY, 0, 0], { note: "open /dev/null in the container" });
  inside.add("require_device", [slot, S_IFCHR, deviceNumber(1, 3)], { note: "use /dev/null in the container" });
  return slot;
}
