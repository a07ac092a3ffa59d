/** `kill`: a signal for a container. */
import { TsboxError } from "../../error.ts";
import { SIGNALS, SYS } from "../../linux/abi.gen.ts";
import { openProcess, signalProcess } from "../../linux/process.ts";
import { syscall } from "../../linux/syscall.ts";
import { readRecord } from "./state-folder.ts";

/** `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`. @throws TsboxError `usage` */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 0 && number <= 64) return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const real = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  if (real !== null) {
    // the C library keeps 32 and 33 for itself: signal(7)
    const number = (real[1] === "MIN" ? 34 : 64) + Number(real[2] ?? 0);
    if (number >= 34 && number <= 64) return number;
  }
  const number = Object.hasOwn(SIGNALS, `SIG${name}`) ? SIGNALS[`SIG${name}`] : undefined;
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
