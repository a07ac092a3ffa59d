/** `tsbox ps` */
import { type ListedContainer, listContainers } from "../container/index.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { readableAge, shortID } from "./readable.ts";
import { type Columns, renderFormat, renderTable } from "./table.ts";

export const PS: CommandDefinition = {
  name: "ps",
  description: "List containers that run.",
  operands: "",
  flags: {
    all: { type: "boolean", alias: "a", description: "List those that have ended, too" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but ids" },
    "no-trunc": { type: "boolean", description: "Print ids and commands whole" },
    format: { type: "string", description: "json, or text with {{.ID}}, {{.Names}}, ...", valueHint: "FORMAT" },
    ...HELP,
  },
  examples: [
    ["tsbox ps", "what runs"],
    ["tsbox rm $(tsbox ps -a -q)", "remove all that has ended"],
    ["tsbox ps -a --format '{{.Names}} {{.Status}}'", "in a form of one's own"],
  ],
};

/** Named as Docker's fields are. */
interface ContainerRow extends Record<string, unknown> {
  readonly ID: string;
  readonly Image: string;
  readonly Command: string;
  readonly CreatedAt: string;
  readonly RunningFor: string;
  readonly Status: string;
  readonly Names: string;
  readonly Labels: string;
}

const FIELDS = ["ID", "Image", "Command", "CreatedAt", "RunningFor", "Status", "Names", "Labels"] as const;
const COLUMNS: Columns<ContainerRow> = [
  ["ID", "CONTAINER ID"],
  ["Image", "IMAGE"],
  ["Command", "COMMAND"],
  ["RunningFor", "CREATED"],
  ["Status", "STATUS"],
  ["Names", "NAMES"],
];

/** So many letters of a command say which it is. */
const COMMAND_WIDTH = 30;

function rowOf({ record, running }: ListedContainer, whole: boolean, now: number): ContainerRow {
  const command = record.command.join(" ");
  return {
    ID: whole ? record.id : shortID(record.id),
    Image: record.image ?? "-",
    Command: whole || command.length <= COMMAND_WIDTH ? command : `${command.slice(0, COMMAND_WIDTH - 1)}…`,
    CreatedAt: new Date(record.created).toISOString(),
    RunningFor: readableAge(record.created, now),
    Status: running ? "running" : "ended",
    Names: record.name ?? "",
    Labels: Object.entries(record.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
  };
}

/** @throws TsboxError `usage` */
export async function ps(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PS, argv);
  if (args === undefined) return 0;
  refuseOperands(PS, args);
  const containers = listContainers(openStore().root).filter(({ running }) => running || isOn(args, "all"));
  const rows = containers.map((container) => rowOf(container, isOn(args, "no-trunc"), Date.now()));
  const format = last(args, "format");
  if (isOn(args, "quiet")) for (const { ID } of rows) console.log(ID);
  else if (format === undefined) console.log(renderTable(COLUMNS, rows));
  else {
    const text = renderFormat(format, FIELDS, rows);
    if (text !== "") console.log(text);
  }
  return 0;
}
