/** `tsbox volume ls`, `inspect` and `exists` */
import { findVolume, listVolumes, requireVolume, type Volume, volumeData } from "../../container/volumes/index.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, isOn, last } from "../args.ts";
import { forEachOperand, HELP, readCommand, refuseOperands, requireOperands } from "../command.ts";
import { renderFormat } from "../format/listing.ts";
import { type Columns, renderTable } from "../table.ts";
import { volumeFilter } from "./filter.ts";

const FORMAT = {
  type: "string",
  alias: "f",
  description: "json, or text with {{.Name}}, {{.Mountpoint}}, ...",
  valueHint: "FORMAT",
} as const;
const FILTER = { type: "string", alias: "f", valueHint: "NAME=VALUE", repeated: true } as const;

export const LS: CommandDefinition = {
  name: "volume ls",
  description: "List volumes.",
  operands: "",
  flags: {
    filter: { ...FILTER, description: "dangling=true, name=TEXT, label=NAME[=VALUE], driver=local, until=TIME" },
    format: { ...FORMAT, alias: undefined },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but names" },
    ...HELP,
  },
  examples: [
    ["tsbox volume ls", "all volumes"],
    ["tsbox volume ls -q --filter dangling=true", "those that no container has"],
  ],
};

export const INSPECT: CommandDefinition = {
  name: "volume inspect",
  description: "Print what is known of volumes, as JSON.",
  operands: "VOLUME...",
  flags: { format: FORMAT, all: { type: "boolean", alias: "a", description: "All volumes" }, ...HELP },
  examples: [["tsbox volume inspect -f '{{.Mountpoint}}' data", "where its files are"]],
};

export const EXISTS: CommandDefinition = {
  name: "volume exists",
  description: "End with status 0 if there is a volume of that name, with 1 otherwise.",
  operands: "VOLUME",
  flags: { ...HELP },
  examples: [["tsbox volume exists data || tsbox volume create data", "make it where it is missing"]],
};

/** Named as Docker's fields are. */
interface VolumeRow extends Record<string, unknown> {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly CreatedAt: string;
  readonly Labels: unknown;
  readonly Scope: string;
  readonly Options: unknown;
  readonly Anonymous: boolean;
}

const FIELDS = ["Name", "Driver", "Mountpoint", "CreatedAt", "Labels", "Scope", "Options", "Anonymous"] as const;
const COLUMNS: Columns<VolumeRow> = [
  ["Driver", "DRIVER"],
  ["Name", "VOLUME NAME"],
];

function rowOf(store: string, volume: Volume): VolumeRow {
  return {
    Name: volume.name,
    Driver: volume.driver,
    Mountpoint: volumeData(store, volume),
    CreatedAt: new Date(volume.created).toISOString(),
    Labels: volume.labels,
    Scope: "local",
    Options: volume.options,
    Anonymous: volume.anonymous,
  };
}

/** In a line of text a label is `NAME=VALUE`. */
function flat(row: VolumeRow): VolumeRow {
  const text = (value: unknown) =>
    Object.entries(value as Readonly<Record<string, string>>) // cast: labels and options are such
      .map(([name, entry]) => `${name}=${entry}`)
      .join(",");
  return { ...row, Labels: text(row.Labels), Options: text(row.Options) };
}

function print(text: string): void {
  if (text !== "") console.log(text);
}

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const store = openStore().root;
  const wanted = volumeFilter(args, store, ["dangling", "name", "label", "label!", "driver", "until"]);
  const rows = listVolumes(store)
    .filter(wanted)
    .map((volume) => rowOf(store, volume))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
  const format = last(args, "format");
  if (isOn(args, "quiet")) print(rows.map(({ Name }) => Name).join("\n"));
  else if (format === undefined || format === "table") console.log(renderTable(COLUMNS, rows));
  else print(renderFormat(format, FIELDS, format === "json" ? rows : rows.map(flat)));
  return 0;
}

export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const isAll = isOn(args, "all");
  if (!isAll) requireOperands(INSPECT, args, "volume");
  const rows: VolumeRow[] = [];
  const names = isAll ? listVolumes(store).map(({ name }) => name) : args.positionals;
  const status = await forEachOperand({ ...args, positionals: names }, async (name) => {
    rows.push(rowOf(store, requireVolume(store, name)));
  });
  const format = last(args, "format") ?? "json";
  print(renderFormat(format, FIELDS, format === "json" ? rows : rows.map(flat)));
  return status;
}

export async function exists(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EXISTS, argv);
  if (args === undefined) return 0;
  requireOperands(EXISTS, args, "volume");
  const store = openStore().root;
  const there = args.positionals.every(
    (name) => /^[a-zA-Z0-9][^/]*$/.test(name) && findVolume(store, name) !== undefined,
  );
  return there ? 0 : 1;
}
