/** Processes by a name that none of them gets again, and by descriptor. pidfd_open(2), proc(5) */
import { SYS } from "./abi.gen.ts";
import { check, E } from "./errno.ts";
import { readShortText } from "./read-text.ts";
import { syscall } from "./syscall.ts";

/** Names one process for ever: a pid alone passes on to another. */
export interface ProcessName {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since the host's start. */
  readonly startTime: number;
}

/** The state's letter and what follows in /proc/PID/stat; undefined when there is no such process. */
function statFields(pid: number): string[] | undefined {
  const text = readShortText(`/proc/${pid}/stat`);
  // the name before may have blanks and brackets in it
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Whether that very process is there, and not a zombie. Without a pid there is none. */
export function isAlive({ pid, startTime }: ProcessName): boolean {
  if (pid <= 0) return false;
  const fields = statFields(pid);
  return fields !== undefined && Number(fields[19]) === startTime && fields[0] !== "Z" && fields[0] !== "X";
}

/** Of a process that is there. */
export function processName(pid: number): ProcessName {
  return { pid, startTime: Number(statFields(pid)?.[19] ?? 0) };
}

export function thisProcess(): ProcessName {
  return processName(process.pid);
}

/** @returns a pidfd, to be closed by the caller; undefined when that very process has ended. @throws SyscallError */
export function openProcess(name: ProcessName): number | undefined {
  if (name.pid <= 0) return undefined;
  const pidfd = syscall(SYS.pidfd_open, name.pid, 0);
  if (pidfd === -E.ESRCH) return undefined;
  // after opening: the number may have passed on before, also to a thread, which cannot be opened
  if (isAlive(name)) return check("pidfd_open", pidfd, `process ${name.pid}`);
  if (pidfd >= 0) syscall(SYS.close, pidfd);
  return undefined;
}

/** @param pid for the words of a failure. @returns false when it has ended. @throws SyscallError */
export function signalProcess(pidfd: number, signal: number, pid: number): boolean {
  const result = syscall(SYS.pidfd_send_signal, pidfd, signal, null, 0);
  if (result === -E.ESRCH) return false;
  check("pidfd_send_signal", result, `process ${pid}`);
  return true;
}

const POLLIN = 1;

/** Waits for the end of a process, blocking this one. @param milliseconds at most so long. @returns whether it has ended */
export function waitForEnd(pidfd: number, milliseconds: number): boolean {
  // struct pollfd: descriptor, events, revents
  const poll = new Int32Array([pidfd, POLLIN]);
  const time = new BigInt64Array([
    BigInt(Math.floor(milliseconds / 1000)),
    BigInt(Math.floor(milliseconds % 1000)) * 1_000_000n,
  ]);
  return syscall(SYS.ppoll, poll, 1, time, null, 8) > 0;
}
