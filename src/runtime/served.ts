/** What the plans of image containers have in common, in the foreground (`foreground.ts`) and detached (`detached.ts`). */
import { TsboxError } from "../error.ts";
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, SIGKILL } from "../linux/abi.gen.ts";
import type { HelperProcess } from "../network/index.ts";
import type { RuntimeState } from "../oci/index.ts";
import {
  ANY_FAILURE,
  EXIT_STATUS,
  encode,
  OWN_PID,
  type PlanBuilder,
  type Program,
  type Slot,
  SUBJECT_PID,
  SUBJECT_START,
  TIME_OF_DAY,
} from "../plan/index.ts";
import { addSetUp, type SetUpOptions } from "./compile.ts";
import type { Compilation } from "./context.ts";
import { GO } from "./conversation.ts";
import { addEventLine, eventLine } from "./event-line.ts";
import { addHelper } from "./helpers.ts";
import { addNullStream } from "./null-stream.ts";
import { addProcess } from "./process.ts";
import { addCommand } from "./removal.ts";
import { addListener, type CompiledSeccomp, type SeccompListener } from "./seccomp/index.ts";

/** Where a container's start and end are written down, by native. */
export interface Records {
  /** Absolute path of the container's folder. */
  readonly folder: string;
  /** The folder is removed when the container ends: nothing is written down then. */
  readonly removed: boolean;
  /** A file to which an object is appended for each event, and the object without its time and status. */
  readonly events: ContainerEvents | undefined;
}

/** What is told of a container, without times and what is known only then. */
export interface ContainerEvents {
  readonly path: string;
  readonly start: object;
  readonly die: object;
  readonly destroy: object;
  readonly oom: object;
  /** Without its action. */
  readonly health: object;
}

export interface ServedOptions
  extends Pick<
    SetUpOptions,
    | "config"
    | "mapping"
    | "root"
    | "cgroup"
    | "openNamespaces"
    | "sharedMemory"
    | "keyring"
    | "volumes"
    | "secrets"
    | "additions"
  > {
  readonly seccomp: CompiledSeccomp | undefined;
  /** Of the `creating` container, for a listener of the filter. */
  readonly state: RuntimeState;
  /** A reaper at pid 1. */
  readonly init: boolean;
  /** Whether the program reads what tsbox's standard input, or a client of its monitor, gives; otherwise it has /dev/null. */
  readonly interactive: boolean;
  /** Programs of the host that serve the container (network), started before it and ended with it. */
  readonly helpers: readonly HelperProcess[];
  /** Appends what connects the container to its networks, once the helpers are ready. */
  readonly attach?: ((plan: PlanBuilder, outside: Program) => void) | undefined;
  /** tsbox command lines that run once the helpers are ready, such as publishing ports. */
  readonly commands: readonly (readonly string[])[];
  /** Descriptor of a lock that is held for as long as the container lives; it must be open without close-on-exec. */
  readonly lockFd: number | undefined;
  /** Tells systemd which process stands for the container, and that it is ready. */
  readonly notify?: { readonly socket: string; readonly ready: "started" | "healthy" | "never" } | undefined;
  readonly records: Records;
}

/** What the program has as a standard stream: a slot, the container's /dev/null, or what tsbox has. */
export interface Streams {
  readonly stdin: Slot | "null" | "inherit";
  readonly stdout: Slot | undefined;
  readonly stderr: Slot | undefined;
}

export interface Served {
  readonly compilation: Compilation;
  /** pidfd of the first process. */
  readonly child: Slot;
  /** The terminal's end for whoever moves its bytes. */
  readonly master: Slot | null;
  /** pidfds of helpers, to be ended with the container. */
  readonly helpers: readonly Slot[];
  readonly lock: Slot | undefined;
  /** The container's user namespace, kept open for removing what subordinate ids own. */
  readonly userns: Slot | undefined;
}

/**
 * Appends everything until the program runs and that is written down.
 * @param supervisor the program that supervises; empty, or with what must be open before the container is made
 * @param log a memfd, open in it, for what helpers print
 */
export function addServed(
  plan: PlanBuilder,
  supervisor: Program,
  log: Slot,
  options: ServedOptions,
  use: { stdio(outside: Program): Streams; removes: boolean; started?(outside: Program): void },
): Served {
  const { config, mapping, records } = options;
  if (Object.values(config.hooks ?? {}).some((list) => (list?.length ?? 0) > 0))
    throw new TsboxError("unsupported", "cannot run: hooks belong to bundles (tsbox run --bundle)");
  let listener: SeccompListener | undefined;
  let streams: Streams | undefined;
  let lock: Slot | undefined;
  const setUp = addSetUp({
    ...options,
    plan: { builder: plan, outside: supervisor, log },
    prepare: (outside) => {
      listener = addListener(outside, options.seccomp, options.state);
      if (options.lockFd !== undefined) {
        lock = outside.slot();
        outside.add("adopt", [lock, options.lockFd]);
      }
      if (options.cgroup !== undefined) addOomWatch(outside, options.cgroup, records);
      streams = use.stdio(outside);
      return undefined;
    },
  });
  const { compilation, process, ours, theirs, child, terminal } = setUp;
  const { outside, inside } = compilation;
  use.started?.(outside);
  // removing what subordinate ids own takes the container's user namespace, which lasts as long as this descriptor
  const userns = use.removes && mapping.kind === "subuid" ? outside.slot() : undefined;
  const given = openUser(options);
  if (userns !== undefined && given !== undefined) outside.add("adopt", [userns, given]);
  else if (userns !== undefined) {
    outside.add("openat2", [userns, null, `/proc/${SUBJECT_PID}/ns/user`, O_RDONLY, 0, 0], {
      expand: true,
      note: "open the container's user namespace",
    });
  }
  const helpers = options.helpers.map((helper) => addHelper(plan, outside, helper, { log, child }));
  options.attach?.(plan, outside);
  for (const command of options.commands) addCommand(plan, outside, command, log);
  const master = process.terminal ? outside.slot() : null;
  if (master !== null) outside.add("recv_fd", [master, ours], { note: "open the terminal" });
  outside.add("send", [ours, GO], { note: "start the program" });
  inside.add("recv", [theirs, GO], { note: "wait for the supervisor" });
  const { stdin = "inherit", stdout, stderr } = streams ?? {};
  // without -i it reads end of file
  const input = stdin === "null" ? addNullStream(inside) : stdin === "inherit" ? undefined : stdin;
  addProcess(compilation, {
    process,
    seccomp: options.seccomp && { ...options.seccomp, listener },
    terminal,
    stdio: [input, stdout, stderr],
    preserveFds: 0,
    keep: [],
    init: options.init,
    deathSignal: SIGKILL,
  });

  outside.add("await_exec", [], { note: "start the program" });
  const cgroup = options.cgroup === undefined ? "" : `,"cgroup":${JSON.stringify(options.cgroup)}`;
  const started = `{"pid":${SUBJECT_PID},"startTime":${SUBJECT_START},"startedAt":${TIME_OF_DAY}${cgroup}}`;
  addJSONFile(outside, `${records.folder}/started.json`, started);
  addEvent(outside, records, "start");
  if (options.notify !== undefined) addNotify(outside, options.notify);
  const rootHelper = setUp.rootHelper === undefined ? [] : [setUp.rootHelper];
  return { compilation, child, master, helpers: [...helpers, ...rootHelper], lock, userns };
}

/** The user namespace that the container joins, if it is open: while others may see the container's first process, it cannot be had from that. */
function openUser({ config, openNamespaces }: ServedOptions): number | undefined {
  const path = config.linux?.namespaces?.find(({ type }) => type === "user")?.path;
  return path === undefined ? undefined : openNamespaces.get(path);
}

/** sd_notify(3). Nobody may listen: then it is as if it had not been asked for. */
function addNotify(outside: Program, { socket, ready }: NonNullable<ServedOptions["notify"]>): void {
  const options = { expand: true, recover: ANY_FAILURE, note: "tell systemd" };
  const first = ready === "started" ? `MAINPID=${OWN_PID}\nREADY=1` : `MAINPID=${OWN_PID}`;
  outside.add("notify_systemd", [socket, encode(first), 0], options);
  if (ready === "healthy") outside.add("notify_systemd", [socket, encode("READY=1"), 1], options);
}

/** Written beside and renamed: readers see the old one or the new one. */
function addJSONFile(program: Program, path: string, text: string): void {
  const note = `write ${path}`;
  program.add("write_file", [null, `${path}.new`, encode(text), O_WRONLY | O_CREAT | O_TRUNC], { expand: true, note });
  program.add("renameat", [null, `${path}.new`, null, path], { note });
}

/** The kernel counts what it kills for lack of memory, where the container's cgroup has the controller. */
function addOomWatch(outside: Program, cgroup: string, { events }: Records): void {
  outside.add("watch_oom", [`${cgroup}/memory.events`, events?.path ?? "", eventLine(events?.oom ?? {})], {
    expand: true,
    recover: ANY_FAILURE,
  });
}

/** How and when the container ended, and that it has; a disk that is full keeps nobody from ending. */
export function addEnd(outside: Program, { records, cgroup }: Pick<ServedOptions, "records" | "cgroup">): void {
  const [usual, done] = [outside.label(), outside.label()];
  if (cgroup !== undefined) {
    // its event comes before that of the end
    outside.add("oom_killed", [], { recover: ANY_FAILURE, to: usual });
    if (!records.removed) addExited(outside, records, ',"oomKilled":true');
    outside.add("jump", [], { to: done });
    outside.place(usual);
  }
  if (!records.removed) addExited(outside, records, "");
  outside.place(done);
  addEvent(outside, records, "die");
}

function addExited(outside: Program, records: Records, more: string): void {
  const path = `${records.folder}/exited.json`;
  const next = outside.label();
  const recovery = { recover: ANY_FAILURE, to: next };
  const text = `{"exitCode":${EXIT_STATUS},"finishedAt":${TIME_OF_DAY}${more}}`;
  outside.add("write_file", [null, `${path}.new`, encode(text), O_WRONLY | O_CREAT | O_TRUNC], {
    expand: true,
    ...recovery,
  });
  outside.add("renameat", [null, `${path}.new`, null, path], recovery);
  outside.place(next);
}

/** After the removal of a container that goes with its end. */
export function addDestroyed(outside: Program, { records }: Pick<ServedOptions, "records">): void {
  if (records.removed) addEvent(outside, records, "destroy");
}

function addEvent(outside: Program, { events }: Records, which: "start" | "die" | "destroy"): void {
  if (events === undefined) return;
  addEventLine(outside, events.path, eventLine(events[which], which === "die" ? `,"exitCode":${EXIT_STATUS}` : ""));
}
