/** `tsbox pod start`, `stop`, `restart`, `kill`, `pause` and `unpause` */
import { killPod, pausePod, startPod, stopPod } from "../../container/pods/index.ts";
import { parseSignal } from "../../container/stop.ts";
import { type CommandDefinition, last, type ParsedArgs } from "../args.ts";
import { HELP, readCommand } from "../command.ts";
import { parseSeconds } from "../run-stays.ts";
import { ALL, forPods } from "./operands.ts";

const TIME = {
  time: {
    type: "string",
    alias: "t",
    description: "Seconds to wait before killing (10); -1: for ever",
    valueHint: "SECONDS",
  },
} as const;

export const START: CommandDefinition = {
  name: "pod start",
  description: "Start all containers of pods.",
  operands: "POD...",
  flags: { ...ALL, ...HELP },
  examples: [["tsbox pod start web", "all of its containers that do not run"]],
};

export const STOP: CommandDefinition = {
  name: "pod stop",
  description: "End all containers of pods, at once.",
  operands: "POD...",
  flags: {
    ...TIME,
    ignore: { type: "boolean", alias: "i", description: "Do not mind pods that are not there" },
    ...ALL,
    ...HELP,
  },
  examples: [["tsbox pod stop -t 1 web", "with less patience"]],
};

export const RESTART: CommandDefinition = {
  name: "pod restart",
  description: "End all containers of pods, and start them again with new namespaces.",
  operands: "POD...",
  flags: { ...TIME, ...ALL, ...HELP },
  examples: [["tsbox pod restart web", "all of its containers"]],
};

export const KILL: CommandDefinition = {
  name: "pod kill",
  description: "Send a signal to the first process of each container of pods.",
  operands: "POD...",
  flags: {
    signal: { type: "string", alias: "s", description: "The signal (KILL)", valueHint: "SIGNAL" },
    ...ALL,
    ...HELP,
  },
  examples: [["tsbox pod kill -s HUP web", "to let all read their configuration again"]],
};

export const PAUSE: CommandDefinition = {
  name: "pod pause",
  description: "Freeze all processes of pods. Takes a cgroup that is delegated to you.",
  operands: "POD...",
  flags: { ...ALL, ...HELP },
  examples: [["tsbox pod pause web", "until tsbox pod unpause web"]],
};

export const UNPAUSE: CommandDefinition = {
  name: "pod unpause",
  description: "Let paused containers of pods go on.",
  operands: "POD...",
  flags: { ...ALL, ...HELP },
  examples: [["tsbox pod unpause web", "after tsbox pod pause web"]],
};

function timeout(args: ParsedArgs): number | undefined {
  const text = last(args, "time");
  return text === undefined ? undefined : parseSeconds(text, "--time");
}

export async function start(argv: readonly string[]): Promise<number> {
  const args = await readCommand(START, argv);
  return args === undefined ? 0 : await forPods(START, args, startPod);
}

export async function stop(argv: readonly string[]): Promise<number> {
  const args = await readCommand(STOP, argv);
  if (args === undefined) return 0;
  const seconds = timeout(args);
  return await forPods(STOP, args, (store, pod) => stopPod(store, pod, seconds));
}

export async function restart(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RESTART, argv);
  if (args === undefined) return 0;
  const seconds = timeout(args);
  return await forPods(RESTART, args, async (store, pod) => {
    await stopPod(store, pod, seconds);
    await startPod(store, pod);
  });
}

export async function kill(argv: readonly string[]): Promise<number> {
  const args = await readCommand(KILL, argv);
  if (args === undefined) return 0;
  const signal = parseSignal(last(args, "signal") ?? "KILL");
  return await forPods(KILL, args, (store, pod) => killPod(store, pod, signal));
}

export async function pause(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PAUSE, argv);
  return args === undefined ? 0 : await forPods(PAUSE, args, (store, pod) => pausePod(store, pod, true));
}

export async function unpause(argv: readonly string[]): Promise<number> {
  const args = await readCommand(UNPAUSE, argv);
  return args === undefined ? 0 : await forPods(UNPAUSE, args, (store, pod) => pausePod(store, pod, false));
}
