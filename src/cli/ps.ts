/** `tsbox ps` */
import { isUp, type ListedContainer, listContainers } from "../container/list.ts";
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { storeFolder } from "../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { COLUMNS, FIELDS, SIZE_COLUMN } from "./container-fields.ts";
import { DOCKER_WIDTH, tableOf } from "./table.ts";

export const PS: CommandDefinition = {
  name: "ps",
  description: "List containers that run.",
  operands: "",
  flags: {
    all: { type: "boolean", alias: "a", description: "List those that do not run, too" },
    last: { type: "string", alias: "n", description: "List the last ones that were made", valueHint: "NUMBER" },
    latest: { type: "boolean", alias: "l", description: "List the last one that was made" },
    filter: {
      type: "string",
      alias: "f",
      description: "List those that fit: name=, label=, status=, ancestor=, ...",
      valueHint: "KEY=VALUE",
      repeated: true,
    },
    format: { type: "string", description: "table, json, or a template with {{.ID}}, ...", valueHint: "FORMAT" },
    size: { type: "boolean", alias: "s", description: "Show what each has written" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but ids" },
    "no-trunc": { type: "boolean", description: "Print ids and commands whole" },
    ...HELP,
  },
  examples: [
    ["tsbox ps", "what runs"],
    ["tsbox rm $(tsbox ps -a -q --filter status=exited)", "remove all that has ended"],
    ["tsbox ps -a --format 'table {{.Names}}\\t{{.Status}}'", "in columns of one's own"],
    ["tsbox ps --filter label=tier=web --format json", "for programs"],
  ],
};

/** @throws TsboxError `usage` */
export async function ps(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PS, argv);
  if (args === undefined) return 0;
  refuseOperands(PS, args);
  const text = await listing(args, storeFolder());
  if (text !== "") writeAll(1, `${text}\n`);
  return 0;
}

async function listing(args: ParsedArgs, store: string): Promise<string> {
  const containers = await chosen(args, store);
  const whole = isOn(args, "no-trunc");
  if (isOn(args, "quiet"))
    return containers.map(({ record }) => (whole ? record.id : record.id.slice(0, 12))).join("\n");
  const format = last(args, "format");
  const withSize = isOn(args, "size") || (format?.includes(".Size") ?? false);
  const sizes = withSize ? await (await import("./container-size.ts")).sizeTexts(store, containers) : undefined;
  const options = { store, whole, now: Date.now(), sizes };
  const columns = isOn(args, "size") ? [...COLUMNS, SIZE_COLUMN] : COLUMNS;
  if (format === undefined || format === "table") {
    const lines = [columns.map(([, heading]) => heading)];
    for (const container of containers) lines.push(columns.map(([field]) => String(FIELDS[field](container, options))));
    return tableOf(lines, DOCKER_WIDTH);
  }
  const { renderListing } = await import("./format/listing.ts");
  const { containerRow, fieldsIn, HEADINGS } = await import("./container-rows.ts");
  const fields = fieldsIn(format);
  const rows = containers.map((container) => containerRow(container, options, fields));
  return renderListing(format, { columns, headings: HEADINGS, rows });
}

async function chosen(args: ParsedArgs, store: string): Promise<ListedContainer[]> {
  const count = lastOnes(args);
  const filters = all(args, "filter");
  let containers = listContainers(store);
  // a filter of states lists those that do not run as well
  const everyState =
    isOn(args, "all") || count !== undefined || filters.some((text) => /^(status|exited)\s*=/.test(text));
  if (!everyState) containers = containers.filter(({ state }) => isUp(state));
  if (filters.length > 0) {
    const { chooseBy } = await import("./format/filters.ts");
    const { containerFilters } = await import("./container-filters.ts");
    containers = containers.filter(chooseBy(filters, containerFilters(store)));
  }
  return count === undefined ? containers : containers.slice(0, count);
}

/** How many of the last that were made are listed; undefined: all. Docker takes -1 for that. @throws TsboxError `usage` */
function lastOnes(args: ParsedArgs): number | undefined {
  const text = last(args, "last");
  if (text === undefined || text === "-1") return isOn(args, "latest") ? 1 : undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && count > 0) return count;
  throw new TsboxError("usage", `cannot use --last ${text}: expected a number from 1 on`);
}
