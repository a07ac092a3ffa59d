/** `tsbox stats` */
import { findContainer, type ListedContainer, listContainers } from "../container/list.ts";
import { type Usage, usageOf } from "../container/usage.ts";
import { isTerminal } from "../linux/terminal.ts";
import { warn } from "../linux/warn.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { HEADINGS, STATS_COLUMNS, type StatsRow, statsRow } from "./stats-row.ts";
import { DOCKER_WIDTH, renderTable } from "./table.ts";

export const STATS: CommandDefinition = {
  name: "stats",
  description: "Show what containers use, again each second until Ctrl-C. Without names, all that run.",
  operands: "[CONTAINER...]",
  flags: {
    all: { type: "boolean", alias: "a", description: "Those that do not run, too" },
    "no-stream": { type: "boolean", description: "Show it once" },
    "no-trunc": { type: "boolean", description: "Print ids whole" },
    format: {
      type: "string",
      description: "json, table, or a template with {{.Name}}, {{.CPUPerc}}, ...",
      valueHint: "FORMAT",
    },
    ...HELP,
  },
  examples: [
    ["tsbox stats", "a screen that is kept up to date"],
    ["tsbox stats --no-stream web", "once, for one container"],
    ["tsbox stats --no-stream --format '{{.Name}} {{.CPUPerc}}'", "in a form of one's own"],
  ],
};

/** Milliseconds between two measurements. */
const PERIOD = 1000;
/** For the first numbers, which processor time needs two measurements for. */
const FIRST = 500;

export async function stats(argv: readonly string[]): Promise<number> {
  const args = await readCommand(STATS, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const named = args.positionals.map((text) => findContainer(store, text));
  const screen = new Screen(isTerminal(1) && !isOn(args, "no-stream"));
  let before = new Map<string, Usage>();
  const measure = async () => {
    const containers = chosen(store, named, isOn(args, "all"));
    const usages = await Promise.all(containers.map(({ state }) => usageOf(state)));
    const now = new Map(containers.flatMap(({ record }, i): [string, Usage][] => pair(record.id, usages[i])));
    const rows = containers.map((container) =>
      statsRow(container, {
        whole: isOn(args, "no-trunc"),
        now: now.get(container.record.id),
        before: before.get(container.record.id),
      }),
    );
    before = now;
    return rows;
  };
  await measure();
  for (const usage of before.values()) {
    if (!tellSummed(usage)) continue;
    break;
  }
  await screen.pause(FIRST);
  while (!screen.ended) {
    const text = await textOf(args, await measure());
    if (screen.ended) break;
    screen.show(text);
    if (isOn(args, "no-stream")) break;
    await screen.pause(PERIOD);
  }
  screen.close();
  return 0;
}

function pair(id: string, usage: Usage | undefined): [string, Usage][] {
  return usage === undefined ? [] : [[id, usage]];
}

/** Those that are named, whatever became of them; otherwise those that run. */
function chosen(store: string, named: readonly string[], all: boolean): ListedContainer[] {
  const containers = listContainers(store);
  if (named.length > 0) return named.flatMap((id) => containers.filter(({ record }) => record.id === id));
  return all ? containers : containers.filter(({ state }) => state.pid !== 0);
}

function tellSummed({ summed }: Usage): boolean {
  if (summed.length === 0) return false;
  const names = { cpu: "processor time", memory: "memory", io: "block I/O", tasks: "the number of processes" };
  const what = summed.map((name) => names[name]).join(", ");
  warn(
    `no cgroup counts ${what} here: summed over the processes that there are, so that what ended ones used is missing; tsbox doctor says how to get a cgroup`,
  );
  return true;
}

async function textOf(args: ParsedArgs, rows: readonly StatsRow[]): Promise<string> {
  const format = last(args, "format");
  if (format === undefined) return renderTable(STATS_COLUMNS, rows, DOCKER_WIDTH);
  const { renderListing } = await import("./format/listing.ts");
  return renderListing(format, { columns: STATS_COLUMNS, headings: HEADINGS, rows });
}

/** Overwrites what it has shown, on a terminal; elsewhere one text follows the other. Ctrl-C ends it. */
class Screen {
  ended = false;
  readonly #live: boolean;
  #wake: (() => void) | undefined;
  readonly #end = () => {
    this.ended = true;
    this.#wake?.();
  };

  constructor(live: boolean) {
    this.#live = live;
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, this.#end);
    // the cursor would blink over the numbers
    if (live) writeAll(1, "\x1b[?25l\x1b[2J");
  }

  show(text: string): void {
    const lines = text === "" ? "" : `${text}\n`;
    // to the corner; each line's old rest, and what is below, go
    writeAll(1, this.#live ? `\x1b[H${lines.replaceAll("\n", "\x1b[K\n")}\x1b[J` : lines);
  }

  async pause(milliseconds: number): Promise<void> {
    if (this.ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
  }

  close(): void {
    if (this.#live) writeAll(1, "\x1b[?25h");
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, this.#end);
  }
}
