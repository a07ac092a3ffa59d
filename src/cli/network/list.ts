/** `tsbox network ls` */
import { listNetworks, networksOfContainers } from "../../container/networks.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last } from "../args.ts";
import { HELP, readCommand, refuseOperands } from "../command.ts";
import { type Columns, DOCKER_WIDTH, renderTable } from "../table.ts";
import { KINDS, type ListedNetwork, listed, type NetworkRow, rowOf } from "./row.ts";

export const LS: CommandDefinition = {
  name: "network ls",
  description: "List networks.",
  operands: "",
  flags: {
    filter: {
      type: "string",
      alias: "f",
      description:
        "dangling=true, driver=TEXT, id=TEXT, label=NAME[=VALUE], name=TEXT, scope=local, type=custom|builtin",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    format: { type: "string", description: "table, json, or text with {{.Name}}, {{.ID}}, ...", valueHint: "FORMAT" },
    "no-trunc": { type: "boolean", description: "Whole ids" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but ids" },
    ...HELP,
  },
  examples: [
    ["tsbox network ls", "all networks"],
    ["tsbox network ls -q --filter type=custom", "those that were made"],
  ],
};

const COLUMNS: Columns<NetworkRow> = [
  ["ID", "NETWORK ID"],
  ["Name", "NAME"],
  ["Driver", "DRIVER"],
  ["Scope", "SCOPE"],
];
const HEADINGS = {
  ID: "NETWORK ID",
  Name: "NAME",
  Driver: "DRIVER",
  Scope: "SCOPE",
  IPv6: "IPV6",
  Internal: "INTERNAL",
  Labels: "LABELS",
  CreatedAt: "CREATED AT",
};

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const store = openStore().root;
  const wanted = await networkFilter(all(args, "filter"), store, [
    ...["dangling", "driver", "id", "label", "label!", "name", "scope", "type"],
  ]);
  const rows = [...listNetworks(store).map(listed), ...KINDS]
    .filter(wanted)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((network) => rowOf(network, isOn(args, "no-trunc")));
  const format = last(args, "format");
  if (isOn(args, "quiet")) print(rows.map(({ ID }) => ID).join("\n"));
  else if (format === undefined) console.log(renderTable(COLUMNS, rows, DOCKER_WIDTH));
  else
    print((await import("../format/listing.ts")).renderListing(format, { columns: COLUMNS, headings: HEADINGS, rows }));
  return 0;
}

function print(text: string): void {
  if (text !== "") console.log(text);
}

/** @throws TsboxError `usage` for a filter that is not among `names` */
export async function networkFilter(
  given: readonly string[],
  store: string,
  names: readonly string[],
): Promise<(network: ListedNetwork) => boolean> {
  if (given.length === 0) return () => true;
  const { chooseBy, labelFilters, nameFilter, switchFilter, wordFilter } = await import("../format/filters.ts");
  const { parseUntil } = await import("./until.ts");
  let used: ReadonlySet<string> | undefined;
  const isDangling = ({ name, builtIn }: ListedNetwork) => {
    used ??= networksOfContainers(store);
    return !builtIn && !used.has(name);
  };
  const filters = {
    dangling: switchFilter<ListedNetwork>("dangling", isDangling),
    driver: (value: string) => (network: ListedNetwork) => network.driver === value,
    id: nameFilter<ListedNetwork>("id", ({ id }) => [id]),
    name: nameFilter<ListedNetwork>("name", ({ name }) => [name]),
    scope: (value: string) => () => value === "local",
    type: wordFilter<ListedNetwork>("type", ["custom", "builtin"], ({ builtIn }) => (builtIn ? "builtin" : "custom")),
    until: (value: string) => {
      const limit = parseUntil(value);
      return ({ created }: ListedNetwork) => created < limit;
    },
    ...labelFilters<ListedNetwork>(({ labels }) => labels),
  };
  return chooseBy(given, Object.fromEntries(Object.entries(filters).filter(([name]) => names.includes(name))));
}
