/**
 * Restart policies. When its container has ended, a monitor becomes `tsbox __after-exit`, which decides; native waits; then it becomes
 * `tsbox __restart`, which starts the container with a new monitor. All the while the process holds the container's lock, and the connection
 * of the client that the first monitor was started with, who looks on from run to run.
 */

import { SYS } from "../linux/abi.gen.ts";
import { check } from "../linux/errno.ts";
import { exists, readShortText } from "../linux/read-text.ts";
import { syscall } from "../linux/syscall.ts";
import { terminalSize } from "../linux/terminal.ts";
import { replaceFile } from "../linux/write-text.ts";
import { ANY_FAILURE, addListening, addNullStreams, becomeNative, PlanBuilder, selfCommand } from "../plan/index.ts";
import { CLIENT_FD, LOCK_FD, TERMINAL_FD } from "../runtime/index.ts";
import { detachedPlanOf, savedEnvironment } from "./detach.ts";
import { containerFolder } from "./folder.ts";
import { readOptions } from "./options-file.ts";
import { forgetLastRun } from "./start.ts";
import { containerState, readRecord } from "./state.ts";

/** restarts.json */
interface Restarts {
  readonly count: number;
  /** Milliseconds that the last one waited. */
  readonly pause: number;
}

/** Docker's: it doubles from one to the next, and begins again after a container that ran for ten seconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
const GOOD_RUN = 10_000;
/** unix(7), send(2) */
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Whether the client runs the container in the foreground (`owner`) or looks on (`client`); undefined without one. */
type Client = string | undefined;

/** Bun marks what it inherits close-on-exec. */
function keepDescriptors(client: Client): void {
  const kept = client === undefined ? [LOCK_FD] : [LOCK_FD, CLIENT_FD];
  for (const fd of kept) check("fcntl", syscall(SYS.fcntl, fd, 2 /* F_SETFD */, 0));
}

/** The last packet of a monitor: native/native.h, PACKET_EXIT. */
function exitPacket(status: number): Uint8Array {
  return Uint8Array.of("x".charCodeAt(0), status);
}

/** Who hears that it is over finds it so: the lock is let go of before. The client may have gone. */
function dismiss(client: Client, status: number): void {
  if (client === undefined) return;
  syscall(SYS.close, LOCK_FD);
  const packet = exitPacket(status);
  syscall(SYS.sendto, CLIENT_FD, packet, packet.length, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

/** @returns when the container is not to be started again */
export function afterExit(store: string, id: string, client: Client): void {
  keepDescriptors(client);
  const folder = containerFolder(store, id);
  const record = readRecord(store, id);
  const { exitCode, startedAt = 0, finishedAt = 0 } = containerState(store, record, false);
  const before = readRestarts(folder);
  const { name = "no", maximum = 0 } = record.restart ?? {};
  const wanted = name === "always" || name === "unless-stopped" || (name === "on-failure" && exitCode !== 0);
  const often = name === "on-failure" && maximum > 0 && before.count >= maximum;
  if (!wanted || often || exists(`${folder}/stop-asked`)) {
    dismiss(client, exitCode);
    return;
  }
  const good = finishedAt - startedAt >= GOOD_RUN;
  const pause = good || before.pause === 0 ? FIRST_PAUSE : Math.min(before.pause * 2, LONGEST_PAUSE);
  replaceFile(`${folder}/restarts.json`, JSON.stringify({ count: before.count + 1, pause } satisfies Restarts));
  const size = client !== undefined && record.tty ? terminalSize(TERMINAL_FD) : undefined;
  const more = client === undefined ? [] : [client, ...(size === undefined ? [] : [`${size.columns}x${size.rows}`])];
  becomeNative(waitingPlan(folder, pause, { command: ["__restart", store, id, ...more], client, exitCode }));
}

function readRestarts(folder: string): Restarts {
  const text = readShortText(`${folder}/restarts.json`);
  return text === undefined ? { count: 0, pause: 0 } : (JSON.parse(text) as Restarts); // cast: only tsbox writes it
}

/**
 * Who connects to the monitor's socket meanwhile asks for the end; being asked before that is found in the folder. So does a client who
 * goes, or whose Ctrl-C comes.
 */
function waitingPlan(
  folder: string,
  pause: number,
  after: { readonly command: readonly string[]; readonly client: Client; readonly exitCode: number },
): Uint8Array {
  const { client } = after;
  const plan = new PlanBuilder();
  const program = plan.program("wait");
  const [lock, listener] = [program.slot(), program.slot()];
  program.add("adopt", [lock, LOCK_FD]);
  addListening(program, folder, "attach", listener);
  program.add("chdir", ["/"]);
  addNullStreams(program);
  const kept = client === undefined ? null : program.slot();
  const asked = program.label();
  if (kept !== null) program.add("adopt", [kept, CLIENT_FD]);
  program.add("wait_for", [pause, listener, kept, client === "owner" ? 1 : 0], { recover: ANY_FAILURE, to: asked });
  program.add("dup2", [lock, LOCK_FD]);
  if (kept !== null) program.add("dup2", [kept, CLIENT_FD]);
  program.add("reset_signals", []);
  const [path = "", ...rest] = selfCommand();
  program.add("execve", [[path], [path, ...rest, ...after.command], savedEnvironment()]);
  program.place(asked);
  program.add("close", [lock]);
  if (kept !== null) program.add("write", [kept, exitPacket(after.exitCode)], { recover: ANY_FAILURE });
  program.add("exit", [0]);
  return plan.encode();
}

/**
 * @param window columns and rows of the client's terminal, `80x24`, which the program finds from its first moment
 * @returns only when somebody asked for its end meanwhile
 * @throws TsboxError when it cannot be started
 */
export async function restart(store: string, id: string, client: Client, window = ""): Promise<void> {
  keepDescriptors(client);
  const folder = containerFolder(store, id);
  const record = readRecord(store, id);
  if (exists(`${folder}/stop-asked`)) {
    dismiss(client, containerState(store, record, false).exitCode);
    return;
  }
  const { options, defaults, mapping, root } = readOptions(store, id);
  const container = { options, defaults, mapping, root, store, record, folder, lock: LOCK_FD, again: true };
  const [columns = 0, rows = 0] = window.split("x").map(Number);
  const size = columns > 0 && rows > 0 ? { columns, rows } : undefined;
  const keptClient = client === undefined ? undefined : { owns: client === "owner", size };
  const plan = await detachedPlanOf(container, { print: undefined, client: undefined, keptClient, keep: true });
  forgetLastRun(folder);
  becomeNative(plan);
}
