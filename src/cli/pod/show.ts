/** `tsbox pod logs` and `tsbox pod top` */
import type { ListedContainer } from "../../container/index.ts";
import { containersOf } from "../../container/pods/index.ts";
import { topOf } from "../../container/top/index.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { selfCommand } from "../../plan/index.ts";
import { type CommandDefinition, helpText, isOn, last, parseArgs } from "../args.ts";
import { HELP, readCommand } from "../command.ts";
import { LOGS as CONTAINER_LOGS } from "../logs.ts";
import { printable } from "../readable.ts";
import { alignColumns } from "../table.ts";
import { onePod } from "./operands.ts";

export const LOGS: CommandDefinition = {
  name: "pod logs",
  description: "Show what the containers of a pod have written, each line with the container's id before it.",
  operands: "POD",
  flags: {
    ...CONTAINER_LOGS.flags,
    container: { type: "string", alias: "c", description: "Of this container alone", valueHint: "CONTAINER" },
    names: { type: "boolean", description: "Names instead of ids" },
  },
  examples: [
    ["tsbox pod logs -f --names web", "and what comes, until all have ended"],
    ["tsbox pod logs -c proxy web", "of one container, as it wrote it"],
  ],
};

export const TOP: CommandDefinition = {
  name: "pod top",
  description: "Show the processes of all containers of a pod, as tsbox top does.",
  operands: "POD [OPTION...]",
  flags: { ...HELP },
  examples: [["tsbox pod top web", "UID PID PPID C STIME TTY TIME CMD"]],
};

/** Each container's log is read by a process of its own, because with -f all are at once. */
export async function logs(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LOGS, argv);
  if (args === undefined) return 0;
  const { store, pod } = onePod(LOGS, args);
  const only = last(args, "container");
  const all = containersOf(store, pod);
  const chosen = only === undefined ? all : called(all, only);
  if (only !== undefined && chosen.length === 0)
    throw new TsboxError(
      "not-found",
      `cannot find container ${JSON.stringify(only)}: pod ${pod.name} has none of that name or id`,
    );
  const flags = [...args.flags].flatMap(([name, values]) =>
    Object.hasOwn(CONTAINER_LOGS.flags, name) ? values.map((value) => `--${name}=${value}`) : [],
  );
  const one = async ({ record }: ListedContainer): Promise<number> => {
    const child = Bun.spawn([...selfCommand(), "logs", ...flags, "--", record.id], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const name = isOn(args, "names") ? (record.name ?? "") : record.id.slice(0, 12);
    const before = only === undefined ? `${name} ` : "";
    await Promise.all([pass(child.stdout, 1, before), pass(child.stderr, 2, before)]);
    return await child.exited;
  };
  const statuses = isOn(args, "follow") ? await Promise.all(chosen.map(one)) : await inTurn(chosen, one);
  return statuses.some((status) => status !== 0) ? 1 : 0;
}

/** A name counts before the beginning of an id, as everywhere: one called "b" is not all whose ids begin so. */
function called(containers: readonly ListedContainer[], text: string): readonly ListedContainer[] {
  const named = containers.filter(({ record }) => record.name === text);
  return named.length > 0 ? named : containers.filter(({ record }) => text !== "" && record.id.startsWith(text));
}

async function inTurn(
  containers: readonly ListedContainer[],
  one: (container: ListedContainer) => Promise<number>,
): Promise<number[]> {
  const statuses: number[] = [];
  for (const container of containers) statuses.push(await one(container));
  return statuses;
}

/** Whole lines at a time, so that those of several containers do not mix. */
async function pass(stream: ReadableStream<Uint8Array>, fd: 1 | 2, before: string): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) writeAll(fd, lines.map((line) => `${before}${line}\n`).join(""));
  }
  if (rest !== "") writeAll(fd, `${before}${rest}\n`);
}

export async function top(argv: readonly string[]): Promise<number> {
  const args = parseArgs(TOP, argv, true);
  if (isOn(args, "help")) {
    writeAll(1, `${await helpText(TOP)}\n`);
    return 0;
  }
  const { store, pod } = onePod(TOP, args);
  const running = containersOf(store, pod).filter(({ state }) => state.pid !== 0);
  if (running.length === 0) throw new TsboxError("busy", `cannot show pod ${pod.name}: no container of it runs`);
  const lines: string[][] = [];
  for (const { record } of running) {
    const [heading = [], ...processes] = await topOf(store, record.id, args.positionals.slice(1));
    if (lines.length === 0) lines.push(["CONTAINER", ...heading]);
    lines.push(...processes.map((cells) => [record.name ?? record.id.slice(0, 12), ...cells]));
  }
  writeAll(1, `${alignColumns(lines.map((cells) => cells.map(printable)))}\n`);
  return 0;
}
