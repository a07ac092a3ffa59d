/** What the units of generate systemd and of quadlets have in common. */
import { SIGKILL } from "../../linux/abi.gen.ts";
import { signalNumber } from "../../linux/signals.ts";
import { selfCommand } from "../../plan/index.ts";

/** How tsbox is called from units: by an absolute path. */
export function tsboxCommand(): readonly string[] {
  return selfCommand();
}

/** Seconds in which a container that was killed is cleaned up. */
export const CLEAN_UP_TIME = 60;

/**
 * Statuses of a program that ended because it was asked to. systemd counts signals so, but the monitor, which is what it sees, ends
 * with 128 and the signal's number.
 */
export function successStatuses(stopSignal: string | undefined): string {
  const asked = ["SIGHUP", "SIGINT", "SIGPIPE", "SIGTERM", stopSignal ?? "SIGTERM"];
  const numbers = asked.flatMap((name) => signalNumber(name) ?? []).filter((number) => number !== SIGKILL);
  const statuses = [...new Set(numbers)].sort((a, b) => a - b).map((number) => 128 + number);
  return `SuccessExitStatus=${statuses.join(" ")}`;
}
