/**
 * The plan of a detached container. Process 0, the launcher, starts the monitor in a session of its own, waits until the program
 * runs, and ends, or stays as the monitor's first client. native/monitor.c
 */
import { AT_REMOVEDIR, PR_SET_PDEATHSIG, SIGKILL } from "../linux/abi.gen.ts";
import {
  ANY_FAILURE,
  addFailureProgram,
  addListening,
  addNullStreams,
  encode,
  PLAN_FD,
  PlanBuilder,
  type Program,
  type Slot,
  STDIN,
  STDOUT,
  selfCommand,
} from "../plan/index.ts";
import { slots } from "./conversation.ts";
import { addHealth, type HealthCheck } from "./health.ts";
import { CLIENT_FD, LOCK_FD, TERMINAL_FD } from "./lock-fd.ts";
import { addHelperEnd, addRemoval, type OwnedVolumes } from "./removal.ts";
import { addDestroyed, addEnd, addServed, type ServedOptions, type Streams } from "./served.ts";

/** Where a monitor keeps what the program writes. */
export type LogDriver =
  | {
      readonly driver: "json-file";
      /** The file, then what it is renamed to, one after the other, when it is full. */
      readonly paths: readonly [string, ...string[]];
      /** Bytes; 0 is without limit. */
      readonly maxSize: number;
      /** A file of 16 bytes that takes how many bytes were lost, and an errno. */
      readonly lost: string;
    }
  | {
      readonly driver: "journald";
      readonly socket: string;
      /** Lines of `NAME=value`. */
      readonly fields: string;
    }
  | { readonly driver: "none" };

/** What the launcher does while the container runs. */
export interface AttachedClient {
  readonly input: boolean;
  readonly forwardSignals: boolean;
  /** The container is killed when the client goes without letting go of it: it runs in the foreground. */
  readonly owns: boolean;
  /** Bytes that let go of the container. */
  readonly detachKeys: Uint8Array;
}

export interface DetachedOptions extends ServedOptions {
  readonly log: LogDriver;
  /** Printed when the program runs. */
  readonly print: string | undefined;
  readonly client: AttachedClient | undefined;
  /** The first client of its last monitor, whose connection is `CLIENT_FD`. */
  readonly keptClient?: Pick<AttachedClient, "owns"> | undefined;
  /** The program's input ends with the first client's. */
  readonly inputOnce: boolean;
  readonly health: HealthCheck | undefined;
  /** Removed when the container has ended. */
  readonly remove: readonly string[];
  /** Volumes that go with its end. */
  readonly owned?: OwnedVolumes | undefined;
  readonly cleanup: readonly string[];
  /** A tsbox command that takes over when the container has ended, before its lock is let go; told whose connection is `CLIENT_FD`. */
  readonly afterExit: { readonly command: readonly string[]; readonly env: readonly string[] } | undefined;
  /** The tsbox command, without `tsbox`, that says why the container could not be started. */
  readonly failure: readonly [string, ...string[]];
}

const STARTED = 9;
/** native/native.h */
const WANTS_OUTPUT = 3;
const CLIENT_TERMINAL = 1;
const CLIENT_FORWARDS_SIGNALS = 2;
const CLIENT_OWNS = 4;
const INPUT_ONCE = 1;
const ENDS_WITH_CLIENT = 2;
const AGAIN = 4;

/** @returns the plan, for `becomeNative` or `spawnNative`. @throws TsboxError naming the field that cannot be carried out */
export function compileDetached(options: DetachedOptions): Uint8Array {
  const plan = new PlanBuilder();
  const launcher = plan.program("launcher");
  const [ours, theirs] = slots(launcher, 2);
  const [person, served] = slots(launcher, 2);
  const [pidfd, log] = slots(launcher, 2);
  launcher.add("memfd", [log, "helpers"]);
  launcher.add("socketpair", [ours, theirs]);
  const kept = options.keptClient !== undefined;
  if (kept) launcher.add("adopt", [served, CLIENT_FD]);
  if (options.client !== undefined) launcher.add("packet_pair", [person, served]);
  const monitor = plan.program("monitor", launcher);
  launcher.add("clone", [monitor, 0, pidfd, null, 1, SIGKILL], { note: "start the monitor" });
  launcher.add("close", [theirs]);
  if (options.client !== undefined || kept) launcher.add("close", [served]);

  monitor.add("take_reports", []);
  monitor.add("close", [ours]);
  if (options.client !== undefined) monitor.add("close", [person]);
  addMonitor(plan, monitor, options, { theirs, log, served: options.client === undefined && !kept ? null : served });

  launcher.add("recv", [ours, STARTED], { note: "start the container" });
  if (options.print !== undefined)
    launcher.add("write", [STDOUT, encode(`${options.print}\n`)], { recover: ANY_FAILURE });
  const { client } = options;
  if (client !== undefined) {
    const terminal = options.config.process?.terminal === true;
    const flags =
      (terminal ? CLIENT_TERMINAL : 0) |
      (client.forwardSignals ? CLIENT_FORWARDS_SIGNALS : 0) |
      (client.owns ? CLIENT_OWNS : 0);
    // not the container's lock, nor its places in networks: they are the monitor's, which may let go of them earlier
    launcher.add("close_others", [
      4,
      [PLAN_FD, person, pidfd, log].reduce((mask, kept) => mask | (1n << BigInt(kept)), 0n),
    ]);
    launcher.add("client", [person, client.input ? STDIN : null, flags, client.detachKeys, options.records.folder]);
  }
  launcher.add("exit", [client === undefined ? 0 : 256]);
  addFailureProgram(plan, log, undefined, options.failure);
  return plan.encode();
}

function addMonitor(
  plan: PlanBuilder,
  monitor: Program,
  options: DetachedOptions,
  use: { theirs: Slot; log: Slot; served: Slot | null },
): void {
  const { records } = options;
  const terminal = options.config.process?.terminal === true;
  monitor.add("setsid", []);
  const listener = monitor.slot();
  const pipes = new Map<"input" | "output" | "error", { ours: Slot; theirs: Slot }>();
  const streams = (outside: Program): Streams => {
    addListening(outside, records.folder, "attach", listener);
    if (options.log.driver === "json-file") {
      const { paths, maxSize, lost } = options.log;
      outside.add("log_file", [paths, maxSize, lost], { note: `open the log ${paths[0]}` });
    } else if (options.log.driver === "journald") {
      const { socket, fields } = options.log;
      outside.add("log_journal", [socket, encode(fields)], { note: "connect to the journal" });
    }
    if (terminal) return { stdin: "null", stdout: undefined, stderr: undefined };
    const pipe = (name: "input" | "output" | "error") => {
      const [read, write] = slots(outside, 2);
      outside.add("pipe", [read, write]);
      const [mine, theirs] = name === "input" ? [write, read] : [read, write];
      pipes.set(name, { ours: mine, theirs });
      return theirs;
    };
    const stdin = options.interactive ? pipe("input") : "null";
    return { stdin, stdout: pipe("output"), stderr: pipe("error") };
  };
  const served = addServed(plan, monitor, use.log, options, {
    stdio: streams,
    removes: options.remove.length > 0 || options.owned !== undefined,
    started: (outside) => {
      // theirs alone: the end of the last is the end of the stream
      for (const { theirs } of pipes.values()) outside.add("close", [theirs]);
    },
  });
  const { child, master, helpers, userns } = served;
  // nothing of the caller's is kept open: a pipe would not end, a file system could not be unmounted
  monitor.add("chdir", ["/"]);
  addNullStreams(monitor);
  monitor.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
  if (options.health !== undefined) addHealth(plan, monitor, options.health, options, served);
  monitor.add("leave", [use.theirs, STARTED]);

  const slot = (name: "input" | "output" | "error") => pipes.get(name)?.ours ?? null;
  const input = terminal ? (options.interactive ? master : null) : slot("input");
  const first = options.client ?? options.keptClient;
  const owned = (first?.owns ? ENDS_WITH_CLIENT : 0) | (options.keptClient === undefined ? 0 : AGAIN);
  const flags = owned | (options.inputOnce ? INPUT_ONCE : 0) | (use.served === null ? 0 : WANTS_OUTPUT << 8);
  monitor.add("monitor", [child, master, input, slot("output"), slot("error"), listener, use.served, flags]);
  addHelperEnd(monitor, helpers);
  addEnd(monitor, options);
  if (options.cgroup !== undefined)
    monitor.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR], { recover: ANY_FAILURE });
  addRemoval(plan, monitor, { always: options.remove, owned: options.owned, cleanup: options.cleanup, userns });
  addDestroyed(monitor, options);
  const over = monitor.label();
  if (first !== undefined && options.afterExit !== undefined) {
    const alone = monitor.label();
    monitor.add("require_wanted", [], { recover: ANY_FAILURE, to: over });
    monitor.add("keep_client", [CLIENT_FD], { recover: ANY_FAILURE, to: alone });
    if (master !== null) monitor.add("dup2", [master, TERMINAL_FD]);
    addAfterExit(monitor, options.afterExit, [first.owns ? "owner" : "client"]);
    monitor.place(alone);
  }
  if (options.afterExit !== undefined) addAfterExit(monitor, options.afterExit, []);
  monitor.place(over);
  monitor.add("dismiss", [listener]);
  monitor.add("exit", [256]);

  function addAfterExit(program: Program, after: NonNullable<DetachedOptions["afterExit"]>, more: string[]): void {
    program.add("dismiss", [listener]);
    const [path = "", ...rest] = selfCommand();
    if (served.lock !== undefined) program.add("dup2", [served.lock, LOCK_FD]);
    program.add("reset_signals", []);
    program.add("execve", [[path], [path, ...rest, ...after.command, ...more], after.env], { recover: ANY_FAILURE });
  }
}
