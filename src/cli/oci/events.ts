/** `events`: what a container uses, and when the kernel killed for lack of memory. A line of JSON for each. */
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { containerOomCount, containerState, containerStats } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, isOn, last, readRuntimeCommand } from "./operands.ts";

export const EVENTS: CommandDefinition = {
  name: "oci events",
  description: "Print statistics and out-of-memory events of a container until it ends.",
  operands: "ID",
  flags: {
    stats: { type: "boolean", description: "Print the statistics once" },
    interval: { type: "string", description: "Time between statistics (5s)", valueHint: "DURATION" },
    ...HELP,
  },
  examples: [["tsbox oci events --stats box", ""]],
};

/** How often the count of killed processes is looked at. */
const OOM_INTERVAL = 500;

export async function events(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(EVENTS, argv);
  if (args === undefined) return 0;
  const id = containerId(args, EVENTS);
  const print = (type: string, data?: object) =>
    writeAll(1, `${JSON.stringify({ type, id, ...(data === undefined ? {} : { data }) })}\n`);
  if (isOn(args, "stats")) {
    print("stats", await containerStats(root, id));
    return 0;
  }
  const interval = milliseconds(last(args, "interval") ?? "5s");
  let killed = await containerOomCount(root, id);
  print("stats", await containerStats(root, id));
  let next = Date.now() + interval;
  for (;;) {
    await Bun.sleep(Math.min(OOM_INTERVAL, interval));
    // Asked for before the count is read: what ends a container may be that memory ran out.
    const state = await unlessEnded(containerState(root, id));
    const now = (await unlessEnded(containerOomCount(root, id))) ?? killed;
    if (now > killed) print("oom");
    killed = now;
    if (state === undefined || state.status === "stopped") return 0;
    if (Date.now() < next) continue;
    const stats = await unlessEnded(containerStats(root, id));
    if (stats !== undefined) print("stats", stats);
    next = Date.now() + interval;
  }
}

/** @returns undefined when the container has stopped, or was deleted, since it was last looked at */
async function unlessEnded<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof TsboxError && (error.code === "not-found" || error.code === "busy")) return undefined;
    throw error;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it: `5s`, `1m30s`, `500ms`. */
function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  if (parts.map(([whole]) => whole).join("") !== text || total <= 0)
    throw new TsboxError("usage", `cannot use --interval=${text}: it is a duration such as 5s`);
  return total;
}
