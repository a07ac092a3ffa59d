/** `tsbox volume ls`, `inspect` and `exists` */
import { findVolume, listVolumes, requireVolume, type Volume, volumeData } from "../../container/volumes/index.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, isOn, last } from "../args.ts";
import { forEachOperand, HELP, meansAll, readCommand, refuseOperands, requireOperands } from "../command.ts";
import { labelHeading } from "../format/label-heading.ts";
import { renderListing } from "../format/listing.ts";
import { mapOf } from "../format/values.ts";
import type { Columns } from "../table.ts";
import { listFilter } from "./filter.ts";

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
    filter: { ...FILTER, description: "dangling=true, name=PATTERN, label=NAME[=VALUE], driver=local, until=TIME" },
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

const COLUMNS: Columns<VolumeRow> = [
  ["Driver", "DRIVER"],
  ["Name", "VOLUME NAME"],
];
const HEADINGS = {
  Name: "VOLUME NAME",
  Driver: "DRIVER",
  Mountpoint: "MOUNTPOINT",
  CreatedAt: "CREATED AT",
  Labels: "LABELS",
  Label: labelHeading,
  Scope: "SCOPE",
  Options: "OPTIONS",
  Anonymous: "ANONYMOUS",
  Links: "LINKS",
  Size: "SIZE",
  Group: "GROUP",
  Status: "STATUS",
  Availability: "AVAILABILITY",
};

/** Docker's fields that say nothing here: what it has not counted, and what only clusters have. */
const UNKNOWN = { Links: "N/A", Size: "N/A", Group: "N/A", Status: "N/A", Availability: "N/A" };

function rowOf(store: string, volume: Volume): VolumeRow {
  return {
    Name: volume.name,
    Driver: volume.driver,
    Mountpoint: volumeData(store, volume),
    CreatedAt: new Date(volume.created).toISOString(),
    Labels: mapOf(volume.labels),
    Scope: "local",
    Options: mapOf(volume.options),
    Anonymous: volume.anonymous,
  };
}

/** In a listing labels are one text, as Docker has it. */
function listed(store: string, volume: Volume): VolumeRow {
  const text = (map: Readonly<Record<string, string>>) =>
    Object.entries(map)
      .map(([name, value]) => `${name}=${value}`)
      .join(",");
  const Label = (name: unknown) => volume.labels[String(name)] ?? "";
  return { ...rowOf(store, volume), Labels: text(volume.labels), Options: text(volume.options), Label, ...UNKNOWN };
}

function print(text: string): void {
  if (text !== "") writeAll(1, `${text}\n`);
}

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const store = openStore().root;
  const volumes = listVolumes(store)
    .filter(listFilter(args, store))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (isOn(args, "quiet")) print(volumes.map(({ name }) => name).join("\n"));
  else {
    const rows = volumes.map((volume) => listed(store, volume));
    print(renderListing(last(args, "format") ?? "table", { columns: COLUMNS, headings: HEADINGS, rows }));
  }
  return 0;
}

/** For `tsbox inspect`. @throws TsboxError `not-found` */
export async function inspectVolume(store: string, name: string): Promise<VolumeRow> {
  return rowOf(store, requireVolume(store, name));
}

export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const isAll = meansAll(INSPECT, args, "volume");
  const rows: VolumeRow[] = [];
  const names = isAll ? listVolumes(store).map(({ name }) => name) : args.positionals;
  const status = await forEachOperand({ ...args, positionals: names }, async (name) => {
    rows.push(rowOf(store, requireVolume(store, name)));
  });
  print(renderListing(last(args, "format") ?? "json", { columns: COLUMNS, headings: HEADINGS, rows }));
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
