/** Ending containers: `stop`, `kill`, and what removing by force begins with. */
import { TsboxError } from "../error.ts";
import { AT_FDCWD, LOCK_NB, LOCK_SH, O_CLOEXEC, O_RDWR, SIGKILL, SIGTERM, SYS } from "../linux/abi.gen.ts";
import { check, E } from "../linux/errno.ts";
import { openProcess, signalProcess, waitForEnd } from "../linux/process.ts";
import { exists } from "../linux/read-text.ts";
import { signalNumber } from "../linux/signals.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { replaceFile, writeText } from "../linux/write-text.ts";
import { event } from "./events.ts";
import { type ContainerRecord, containerFolder, isRunning } from "./folder.ts";
import { connectToMonitor } from "./monitor-socket.ts";
import { type ContainerState, containerState, recordIfPresent } from "./state.ts";

/** Milliseconds in which a monitor has to notice the end of its container and clean up. */
const PATIENCE = 10_000;
const DEFAULT_TIMEOUT = 10;

/** Of a flag. @param name `SIGTERM`, `TERM` or `15`. @throws TsboxError `usage` */
export function parseSignal(name: string): number {
  const number = signalNumber(name);
  if (number !== undefined) return number;
  throw new TsboxError("usage", `cannot use the signal ${JSON.stringify(name)}: there is none of that name or number`);
}

/** That which asks for the end. An image may have a name that is no signal's: as with Docker, that is SIGTERM. */
function stopSignal(record: ContainerRecord): number {
  return signalNumber(record.stopSignal) ?? SIGTERM;
}

/**
 * Sends a signal to the first process. One that ends containers also keeps it from being started again.
 * @throws TsboxError `busy` when it does not run
 */
export function killContainer(store: string, id: string, signal: number): void {
  const { record, folder } = find(store, id);
  const state = containerState(store, record);
  const pidfd = openProcess(state);
  if (pidfd === undefined)
    throw new TsboxError("busy", `cannot kill container ${nameOf(record)}: container ${nameOf(record)} is not running`);
  try {
    if (signal === SIGKILL || signal === stopSignal(record)) askForStop(folder);
    signalProcess(pidfd, signal, state.pid);
    event(store, record, "kill", { signal });
  } finally {
    syscall(SYS.close, pidfd);
  }
}

export interface StopOptions {
  /** Seconds until it is killed; 0 kills at once, negative waits without end. The container's own, else 10, when undefined. */
  readonly timeout: number | undefined;
  readonly signal?: number | undefined;
}

/**
 * Sends the stop signal, waits, kills, and waits until the container's monitor has cleaned up. Nothing for one that does not run.
 * @throws TsboxError `busy` when it does not end
 */
export async function stopContainer(store: string, id: string, options: StopOptions): Promise<void> {
  const { record, folder } = find(store, id);
  const state = await settledState(store, record);
  if (state.status === "exited" || state.status === "created") return;
  // looked at while it lives
  const orphan = !isRunning(folder);
  askForStop(folder);
  const pidfd = openProcess(state);
  if (pidfd === undefined) {
    // between two runs: who connects asks for the end (native/plan.h, wait_for)
    connectToMonitor(folder)?.[Symbol.dispose]();
    // it may have begun the next one before it could be asked
    const next = await settledState(store, record, false);
    return next.pid === 0 ? undefined : await stopContainer(store, id, options);
  }
  try {
    const { timeout = record.stopTimeout ?? DEFAULT_TIMEOUT } = options;
    if (state.status === "paused") await thaw(state.cgroup);
    const alive = timeout !== 0 && signalProcess(pidfd, options.signal ?? stopSignal(record), state.pid);
    if (!alive || !(await ended(pidfd, timeout < 0 ? Number.POSITIVE_INFINITY : timeout * 1000))) {
      signalProcess(pidfd, SIGKILL, state.pid);
      if (!(await ended(pidfd, PATIENCE)))
        throw new TsboxError(
          "busy",
          `cannot stop container ${nameOf(record)}: it does not end, although it was killed`,
        );
    }
  } finally {
    syscall(SYS.close, pidfd);
  }
  await waitForMonitor(folder, nameOf(record));
  // without a monitor nobody else notes it
  if (orphan && recordIfPresent(store, id) !== undefined && !exists(`${folder}/exited.json`))
    replaceFile(`${folder}/exited.json`, JSON.stringify({ exitCode: 128 + SIGKILL, finishedAt: Date.now() }));
  event(store, record, "stop");
}

/**
 * The state of a container once it says whether it runs: one that is being started is not there yet, and one that has just ended may be
 * started again by its monitor.
 * @param pauseCounts whether the pause between two runs is a state to come to rest in
 * @throws TsboxError `busy` when somebody is at work on it for long
 */
export async function settledState(
  store: string,
  record: ContainerRecord,
  pauseCounts = true,
): Promise<ContainerState> {
  const folder = containerFolder(store, record.id);
  const deadline = Date.now() + PATIENCE;
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    const state = containerState(store, record);
    if (state.pid !== 0 || (pauseCounts && state.status === "restarting")) return state;
    // what it wrote before it let go of the lock
    if (!isRunning(folder)) return containerState(store, record, false);
    if (Date.now() > deadline)
      throw new TsboxError(
        "busy",
        `cannot end container ${nameOf(record)}: its monitor still works after ${PATIENCE / 1000} s`,
      );
    await Bun.sleep(pause);
  }
}

/** Looks every few milliseconds, so that several are waited for at once. */
async function ended(pidfd: number, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    if (waitForEnd(pidfd, 0)) return true;
    if (Date.now() >= deadline) return false;
    await Bun.sleep(Math.min(pause, Math.max(deadline - Date.now(), 0)));
  }
}

async function thaw(cgroup: string | undefined): Promise<void> {
  if (cgroup === undefined) return;
  const { freezeCgroup } = await import("../runtime/cgroup/index.ts");
  await freezeCgroup({ manager: "cgroupfs", path: cgroup }, false);
}

/** Until nobody holds the container's lock; it may be gone with its folder. */
export async function waitForMonitor(folder: string, name: string): Promise<void> {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(`${folder}/lock`), O_RDWR | O_CLOEXEC);
  if (fd === -E.ENOENT) return;
  check("openat", fd, `${folder}/lock`);
  try {
    const deadline = Date.now() + PATIENCE;
    for (let pause = 1; syscall(SYS.flock, fd, LOCK_SH | LOCK_NB) !== 0; pause = Math.min(pause * 2, 20)) {
      if (Date.now() > deadline)
        throw new TsboxError(
          "busy",
          `cannot end container ${name}: its monitor still works after ${PATIENCE / 1000} s`,
        );
      await Bun.sleep(pause);
    }
  } finally {
    syscall(SYS.close, fd);
  }
}

function askForStop(folder: string): void {
  writeText(`${folder}/stop-asked`, "");
}

function find(store: string, id: string): { record: ContainerRecord; folder: string } {
  const record = recordIfPresent(store, id);
  if (record === undefined)
    throw new TsboxError("not-found", `cannot find container ${id.slice(0, 12)}: it was removed`);
  return { record, folder: containerFolder(store, id) };
}

/** As people call it. */
export function nameOf({ name, id }: ContainerRecord): string {
  return name ?? id.slice(0, 12);
}
