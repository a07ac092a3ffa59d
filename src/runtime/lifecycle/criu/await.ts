/** `restore` in the foreground: the container's end is this process's. */
import { constants } from "node:os";
import { SIGNALS, SYS } from "../../../linux/abi.gen.ts";
import { syscall } from "../../../linux/syscall.ts";
import { removeLeftovers } from "../discard.ts";
import { isAlive, type StateRecord } from "../state-folder.ts";

const WNOHANG = 1;
/** Milliseconds between two looks: nobody tells Bun about the end of a process that it did not start. */
const INTERVAL = 50;

const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/**
 * Hands signals on to it and waits for it. This process must be the one that inherits it, or else its exit status is not known.
 *
 * @returns as shells have it: 128 and more when a signal ended it
 */
export async function awaitRestored(
  root: string,
  record: StateRecord,
  warn: (message: string) => void,
): Promise<number> {
  const { pid } = record;
  for (const name of FORWARDED)
    process.on(name, () => syscall(SYS.kill, pid, SIGNALS[name] ?? constants.signals[name]));
  const status = new Int32Array(1);
  for (;;) {
    const ended = syscall(SYS.wait4, pid, status, WNOHANG, null);
    if (ended === pid || (ended < 0 && !isAlive(record))) break;
    await Bun.sleep(INTERVAL);
  }
  await removeLeftovers(root, record, warn);
  const [word = 0] = status;
  return (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
}
