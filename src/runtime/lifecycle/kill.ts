/** `kill`: a signal for a container. */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { openProcess, signalProcess } from "../../linux/process.ts";
import { signalNumber } from "../../linux/signals.ts";
import { syscall } from "../../linux/syscall.ts";
import { readRecord } from "./state-folder.ts";

/** By name or number; 0 only asks whether it could be sent: kill(2). @throws TsboxError `usage` */
export function parseSignal(text: string): number {
  const number = /^0+$/.test(text) ? 0 : signalNumber(text);
  if (number === undefined)
    throw new TsboxError("usage", `cannot send signal ${JSON.stringify(text)}: there is no such signal`);
  return number;
}

/**
 * @param all to every process of the container's cgroup, also when the first one has ended
 * @throws TsboxError in the words that callers of runtimes look for
 */
export async function killContainer(root: string, id: string, signal: number, all: boolean): Promise<void> {
  const record = readRecord(root, id);
  if (all && record.cgroup !== undefined) {
    const { killCgroup } = await import("../cgroup/index.ts");
    killCgroup(record.cgroup, signal);
    return;
  }
  const pidfd = openProcess(record);
  const ended = () => new TsboxError("busy", `cannot kill container "${id}": container not running`);
  if (pidfd === undefined) {
    // whoever asks for all of them wants none to be left, and none is
    if (all) return;
    throw ended();
  }
  try {
    if (!signalProcess(pidfd, signal, record.pid)) throw ended();
  } finally {
    syscall(SYS.close, pidfd);
  }
}
