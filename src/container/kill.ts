/** Ending a container by force. */
import { TsboxError } from "../error.ts";
import { SIGNALS, SYS } from "../linux/abi.gen.ts";
import { check, E, SyscallError } from "../linux/errno.ts";
import { lockFileWhenFree } from "../linux/lock.ts";
import { readText } from "../linux/read-text.ts";
import { syscall } from "../linux/syscall.ts";
import { containerFolder, isRunning } from "./folder.ts";

/** Milliseconds in which the supervisor has to notice and clean up. */
const PATIENCE = 10_000;

/**
 * Kills the container's first process, with which all its others end, and waits until its supervisor is done.
 * Does nothing to a container that does not run.
 * @throws TsboxError `busy` when it does not end
 */
export async function killContainer(store: string, id: string): Promise<void> {
  const folder = containerFolder(store, id);
  const deadline = Date.now() + PATIENCE;
  // until the first process is there, there is nothing to kill
  while (isRunning(folder) && !killFirstProcess(folder) && Date.now() < deadline) await Bun.sleep(10);
  try {
    const signal = AbortSignal.timeout(Math.max(deadline - Date.now(), 1));
    const lock = await lockFileWhenFree(`${folder}/lock`, { mode: "shared", create: false, signal });
    lock[Symbol.dispose]();
  } catch (error) {
    // --rm: its supervisor has removed it
    if (error instanceof SyscallError && error.errno === E.ENOENT) return;
    if (error instanceof DOMException)
      throw new TsboxError("busy", `cannot end container ${id.slice(0, 12)}: it still runs after ${PATIENCE / 1000} s`);
    throw error;
  }
}

/** @returns false when it is not there yet, or no more */
function killFirstProcess(folder: string): boolean {
  const pid = readPid(folder);
  if (pid === undefined) return false;
  const pidfd = syscall(SYS.pidfd_open, pid, 0);
  if (pidfd === -E.ESRCH) return false;
  check("pidfd_open", pidfd, `process ${pid}`);
  try {
    // The number may have passed on to another process only after the container ended; while its supervisor runs, the descriptor
    // is of the right one.
    if (!isRunning(folder)) return false;
    const result = syscall(SYS.pidfd_send_signal, pidfd, SIGNALS.SIGKILL, null, 0);
    if (result === -E.ESRCH) return false;
    check("pidfd_send_signal", result, `process ${pid}`);
    return true;
  } finally {
    syscall(SYS.close, pidfd);
  }
}

function readPid(folder: string): number | undefined {
  try {
    const pid = Number(readText(`${folder}/lock`));
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return undefined;
    throw error;
  }
}
