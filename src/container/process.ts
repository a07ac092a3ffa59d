/** The first process of a container, by descriptor: never one that got its number since. */
import { SYS } from "../linux/abi.gen.ts";
import { check, E } from "../linux/errno.ts";
import { address, syscall } from "../linux/syscall.ts";
import { type ContainerState, isAlive } from "./state.ts";

/** @returns a pidfd, to be closed by the caller; undefined when it has ended */
export function openFirstProcess({ pid, startTime }: ContainerState): number | undefined {
  if (pid <= 0) return undefined;
  const pidfd = syscall(SYS.pidfd_open, pid, 0);
  if (pidfd === -E.ESRCH) return undefined;
  check("pidfd_open", pidfd, `process ${pid}`);
  // after opening: the number may have passed on before
  if (isAlive(pid, startTime)) return pidfd;
  syscall(SYS.close, pidfd);
  return undefined;
}

/** @returns false when it has ended */
export function signalProcess(pidfd: number, signal: number): boolean {
  const result = syscall(SYS.pidfd_send_signal, pidfd, signal, null, 0);
  if (result === -E.ESRCH) return false;
  check("pidfd_send_signal", result);
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
  const result = syscall(SYS.ppoll, poll, 1, address(time), 0, 8);
  return result > 0;
}
