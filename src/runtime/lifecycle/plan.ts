/** The plans of `create` and `run`: what surrounds a container that is set up as `compile.ts` has it. */
import type { IdMapping } from "../../idmap/index.ts";
import { AT_REMOVEDIR, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, PR_SET_PDEATHSIG, SIGKILL } from "../../linux/abi.gen.ts";
import {
  ANY_FAILURE,
  addFailureProgram,
  encode,
  type Program,
  type Slot,
  STDERR,
  STDIN,
  STDOUT,
  selfCommand,
} from "../../plan/index.ts";
import { addSetUp, type SetUp } from "../compile.ts";
import { addConnection } from "../connection.ts";
import { CREATED, GO, SET_UP } from "../conversation.ts";
import { addHooks, hasHooks } from "../hooks.ts";
import { withAbsoluteSources } from "../mount-sources.ts";
import { sharesMounts } from "../namespaces.ts";
import { addProcess, searchPaths } from "../process.ts";
import { addCommand } from "../removal.ts";
import type { CompiledSeccomp } from "../seccomp/index.ts";
import { addListener, type SeccompListener } from "../seccomp/listener.ts";
import { addWindow } from "../window.ts";
import type { CreateOptions } from "./create.ts";
import { addPidFile } from "./pid-file.ts";
import { stateForPlan } from "./specification-state.ts";
import { keyringName, type StateRecord, stateFolder } from "./state-folder.ts";

/** `create`: wait for `start`. `run`: in the foreground. `detach`: started, then left alone. */
export type LifecycleMode = "create" | "run" | "detach";

/** tsbox commands that native starts; main.ts has them. */
export const LIFECYCLE_FAILURE = "__oci-failure";
export const LIFECYCLE_END = "__oci-end";

export interface LifecyclePlan {
  readonly options: CreateOptions;
  readonly record: StateRecord;
  readonly mapping: IdMapping;
  readonly seccomp: CompiledSeccomp | undefined;
  /** state.json with placeholders for pid and start time. */
  readonly stateText: string;
  /** A descriptor that keeps the cgroup alive until the container is in it; open without close-on-exec. */
  readonly hold: number | undefined;
  /** The container's folder, open without close-on-exec: at the end of `run` another container may have its name. */
  readonly folderFd: number | undefined;
}

/** @throws TsboxError naming the field that cannot be carried out */
export function compileLifecycle(use: LifecyclePlan): Uint8Array {
  const { options, record, mapping, seccomp } = use;
  const config = withAbsoluteSources(record.config, record.bundle);
  const { mode } = options;
  const folder = stateFolder(options.root, record.id);
  let listener: SeccompListener | undefined;
  let console: Slot | undefined;
  let pidfdSocket: Slot | undefined;
  let waiting: Waiting | undefined;
  let held: Slot | undefined;
  let hold: Slot | undefined;
  const setUp = addSetUp({
    config,
    mapping,
    id: record.id,
    root: { kind: "folder", path: record.rootfs },
    cgroup: record.cgroup?.path,
    openNamespaces: new Map(),
    keyring: keyringName(record),
    noPivot: options.noPivot,
    hookState: {
      outside: stateForPlan(record, "creating"),
      inside: stateForPlan(record, "creating", true),
    },
    prepare: (outside) => {
      if (options.consoleSocket !== undefined) console = addConnection(outside, options.consoleSocket);
      if (options.pidfdSocket !== undefined) pidfdSocket = addConnection(outside, options.pidfdSocket);
      listener = addListener(outside, seccomp, { ...stateOf(record) });
      if (mode === "create") waiting = openStartFiles(outside, folder);
      if (use.folderFd !== undefined) {
        held = outside.slot();
        outside.add("adopt", [held, use.folderFd]);
      }
      if (use.hold !== undefined) {
        hold = outside.slot();
        outside.add("adopt", [hold, use.hold]);
      }
      return console === undefined ? undefined : { terminalReceiver: console };
    },
  });
  const { compilation, ours, theirs, child, log, terminal } = setUp;
  const process = { ...setUp.process, env: [...(setUp.process.env ?? []), ...options.environment] };
  const { plan, outside, inside } = compilation;
  const master = process.terminal && console === undefined ? outside.slot() : null;
  if (master !== null) {
    outside.add("recv_fd", [master, ours], { note: "open the terminal" });
    addWindow(outside, master, process);
  }
  const startHooks = () => addHooks(inside, config.hooks, "startContainer", stateForPlan(record, "created", true), log);

  addProcess(compilation, {
    process,
    seccomp: seccomp === undefined ? undefined : { ...seccomp, listener },
    terminal,
    stdio: [undefined, undefined, undefined],
    preserveFds: options.preserveFds,
    keep: [
      theirs,
      ...(waiting === undefined ? [] : [waiting.fifo, waiting.report]),
      ...(hasHooks(config.hooks, "startContainer") ? [log] : []),
    ],
    init: false,
    warn: options.warn,
    // until the state is written, nobody could find a container whose maker was killed
    deathSignal: SIGKILL,
    beforeProgram: () => {
      const program = process.args?.[0] ?? "";
      inside.add("find_program", [searchPaths(program, process.env ?? [])], { note: `run ${JSON.stringify(program)}` });
      inside.add("send", [theirs, CREATED]);
      inside.add("recv", [theirs, GO], { note: "wait for the supervisor" });
      if (mode !== "run") inside.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
      if (waiting !== undefined) {
        inside.add("send", [theirs, SET_UP]);
        inside.add("close", [theirs]);
        inside.add("report_to", [waiting.report]);
        inside.add("await_start", [waiting.fifo], { note: "wait for start" });
      }
      startHooks();
    },
  });

  outside.add("recv", [ours, CREATED], { note: "set up the container" });
  if (hold !== undefined) outside.add("close", [hold]);
  addRecords(outside, use, folder, { child, pidfdSocket });
  outside.add("send", [ours, GO], { note: "start the container" });
  if (mode === "create") outside.add("recv", [ours, SET_UP], { note: "leave the container" });
  else addStart(setUp, use, { master, folder, held });
  outside.add("exit", [mode === "run" ? 256 : 0]);
  addFailureProgram(plan, log, undefined, [LIFECYCLE_FAILURE, options.root, record.id]);
  return plan.encode();
}

function stateOf(record: StateRecord) {
  const { ociVersion, id, bundle, config } = record;
  return { ociVersion, id, bundle, status: "creating" as const, annotations: config.annotations };
}

interface Waiting {
  readonly fifo: Slot;
  readonly report: Slot;
}

/** In `outside`, because `inside` inherits them and the folder is out of its sight. */
function openStartFiles(outside: Program, folder: string): Waiting {
  const [fifo, report] = [outside.slot(), outside.slot()];
  outside.add("openat2", [fifo, null, `${folder}/start`, O_RDWR, 0, 0], { note: `open ${folder}/start` });
  outside.add("openat2", [report, null, `${folder}/report`, O_WRONLY, 0, 0], { note: `open ${folder}/report` });
  return { fifo, report };
}

/** From here on other commands find the container, its pid among the rest. */
function addRecords(
  outside: Program,
  { options, stateText }: LifecyclePlan,
  folder: string,
  use: { child: Slot; pidfdSocket: Slot | undefined },
): void {
  const [fresh, final] = [`${folder}/state.json.new`, `${folder}/state.json`];
  outside.add("write_file", [null, fresh, encode(stateText), O_WRONLY | O_CREAT | O_TRUNC], {
    expand: true,
    note: `write ${final}`,
  });
  outside.add("renameat", [null, fresh, null, final], { note: `write ${final}` });
  addPidFile(outside, options.pidFile);
  if (use.pidfdSocket !== undefined)
    outside.add("send_fd", [use.pidfdSocket, use.child], { note: "send the process to --pidfd-socket" });
}

/** What `start` does for a created container, and, in the foreground, what happens when it has ended. */
function addStart(
  { compilation, child, log }: SetUp,
  use: LifecyclePlan,
  at: { master: Slot | null; folder: string; held: Slot | undefined },
): void {
  const { options, record } = use;
  const { plan, outside } = compilation;
  const { hooks } = record.config;
  outside.add("await_exec", [], { note: "start the program" });
  addHooks(outside, hooks, "poststart", stateForPlan(record, "running"), log);
  if (options.mode !== "run") return;
  const { master, folder, held } = at;
  outside.add("supervise", [child, master, master === null ? null : STDIN, master === null ? null : STDOUT]);
  if (options.keep) return;
  const [rest, done] = [outside.label(), outside.label()];
  // hooks, and cgroups that the container divided, are for TypeScript
  if (hasHooks(hooks, "poststop") || sharesMounts(record.config)) outside.add("jump", [], { to: rest });
  else {
    if (record.cgroup !== undefined)
      outside.add("unlinkat", [null, record.cgroup.path, AT_REMOVEDIR], { recover: ANY_FAILURE, to: rest });
    outside.add("unlinkat", [held ?? null, held === undefined ? `${folder}/state.json` : "state.json", 0], {
      recover: ANY_FAILURE,
      to: rest,
    });
    outside.add("unlinkat", [null, folder, AT_REMOVEDIR], { recover: ANY_FAILURE, to: rest });
    outside.add("jump", [], { to: done });
  }
  outside.place(rest);
  addCommand(plan, outside, [...selfCommand(), LIFECYCLE_END, options.root, record.id], STDERR);
  outside.place(done);
}
