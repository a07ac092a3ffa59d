/**
 * Restart policies. When its container has ended, a monitor becomes `tsbox __after-exit`, which decides; native waits; then it becomes
 * `tsbox __restart`, which starts the container with a new monitor. All the while the process holds the container's lock.
 */

import { O_CLOEXEC, O_RDWR, SYS } from "../linux/abi.gen.ts";
import { check } from "../linux/errno.ts";
import { exists, readShortText } from "../linux/read-text.ts";
import { syscall } from "../linux/syscall.ts";
import { replaceFile } from "../linux/write-text.ts";
import { becomeNative, PlanBuilder, selfCommand } from "../plan/index.ts";
import { LOCK_FD } from "../runtime/index.ts";
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

/** Bun marks what it inherits close-on-exec. */
function keepLock(): void {
  check("fcntl", syscall(SYS.fcntl, LOCK_FD, 2 /* F_SETFD */, 0));
}

/** @returns when the container is not to be started again */
export function afterExit(store: string, id: string): void {
  keepLock();
  const folder = containerFolder(store, id);
  const record = readRecord(store, id);
  const { exitCode, startedAt = 0, finishedAt = 0 } = containerState(store, record, false);
  const before = readRestarts(folder);
  const { name = "no", maximum = 0 } = record.restart ?? {};
  const wanted = name === "always" || name === "unless-stopped" || (name === "on-failure" && exitCode !== 0);
  const often = name === "on-failure" && maximum > 0 && before.count >= maximum;
  if (!wanted || often || exists(`${folder}/stop-asked`)) return;
  const good = finishedAt - startedAt >= GOOD_RUN;
  const pause = good || before.pause === 0 ? FIRST_PAUSE : Math.min(before.pause * 2, LONGEST_PAUSE);
  replaceFile(`${folder}/restarts.json`, JSON.stringify({ count: before.count + 1, pause } satisfies Restarts));
  becomeNative(waitingPlan(folder, pause, ["__restart", store, id]));
}

function readRestarts(folder: string): Restarts {
  const text = readShortText(`${folder}/restarts.json`);
  return text === undefined ? { count: 0, pause: 0 } : (JSON.parse(text) as Restarts); // cast: only tsbox writes it
}

/** Who connects to the monitor's socket meanwhile asks for the end; being asked before that is found in the folder. */
function waitingPlan(folder: string, pause: number, command: readonly string[]): Uint8Array {
  const plan = new PlanBuilder();
  const program = plan.program("wait");
  const [lock, listener, nothing] = [program.slot(), program.slot(), program.slot()];
  program.add("adopt", [lock, LOCK_FD]);
  program.add("umask", [0o077]);
  program.add("chdir", [folder]);
  program.add("unlinkat", [null, "attach", 0], { recover: 0xff });
  program.add("listen_unix", [listener, "attach"]);
  program.add("chdir", ["/"]);
  program.add("openat2", [nothing, null, "/dev/null", O_RDWR | O_CLOEXEC, 0, 0]);
  for (const target of [0, 1, 2]) program.add("dup2", [nothing, target]);
  program.add("wait_for", [pause, listener]);
  program.add("dup2", [lock, LOCK_FD]);
  program.add("reset_signals", []);
  const [path = "", ...rest] = selfCommand();
  program.add("execve", [[path], [path, ...rest, ...command], savedEnvironment()]);
  return plan.encode();
}

/** @returns only when somebody asked for its end meanwhile. @throws TsboxError when it cannot be started */
export async function restart(store: string, id: string): Promise<void> {
  keepLock();
  const folder = containerFolder(store, id);
  if (exists(`${folder}/stop-asked`)) return;
  const record = readRecord(store, id);
  const { options, defaults, mapping, root } = readOptions(store, id);
  const container = { options, defaults, mapping, root, store, record, folder, lock: LOCK_FD, again: true };
  const plan = await detachedPlanOf(container, { print: undefined, client: undefined, keep: true });
  forgetLastRun(folder);
  becomeNative(plan);
}
