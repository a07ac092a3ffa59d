/** `tsbox pod ls` */
import type { ListedContainer } from "../../container/index.ts";
import { listPods, membersByPod, type PodRecord, podStatus } from "../../container/pods/index.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last } from "../args.ts";
import { HELP, readCommand, refuseOperands } from "../command.ts";
import { chooseBy, labelFilters, nameFilter, wordFilter } from "../format/filters.ts";
import { labelHeading } from "../format/label-heading.ts";
import { renderListing } from "../format/listing.ts";
import { readableAge } from "../readable.ts";
import type { Columns } from "../table.ts";

export const LS: CommandDefinition = {
  name: "pod ls",
  description: "List pods.",
  operands: "",
  flags: {
    filter: {
      type: "string",
      alias: "f",
      description: "id=, name=, status=, label=NAME[=VALUE], network=, ctr-names=, ctr-ids=, ctr-number=, ctr-status=",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    format: {
      type: "string",
      description: "table, json, or text with {{.Name}}, {{.Status}}, ...",
      valueHint: "FORMAT",
    },
    "ctr-names": { type: "boolean", description: "Show the containers' names" },
    "ctr-ids": { type: "boolean", description: "Show the containers' ids" },
    "ctr-status": { type: "boolean", description: "Show what the containers do" },
    "no-trunc": { type: "boolean", description: "Whole ids" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but ids" },
    ...HELP,
  },
  examples: [
    ["tsbox pod ls", "all pods"],
    ["tsbox pod ls --filter status=running --format '{{.Name}}'", "names of those that run"],
  ],
};

/** Named as podman's fields are. */
interface PodRow extends Record<string, unknown> {
  readonly Id: string;
  readonly Name: string;
  readonly Status: string;
  readonly Created: string;
  readonly NumberOfContainers: number;
}

interface Listed {
  readonly pod: PodRecord;
  readonly containers: readonly ListedContainer[];
}

const COLUMNS: Columns<PodRow> = [
  ["Id", "POD ID"],
  ["Name", "NAME"],
  ["Status", "STATUS"],
  ["Created", "CREATED"],
  ["NumberOfContainers", "# OF CONTAINERS"],
];
const HEADINGS = {
  Id: "POD ID",
  ID: "POD ID",
  Name: "NAME",
  Status: "STATUS",
  Created: "CREATED",
  NumberOfContainers: "# OF CONTAINERS",
  ContainerNames: "NAMES",
  ContainerIds: "IDS",
  ContainerStatuses: "STATUS",
  Labels: "LABELS",
  Label: labelHeading,
  Networks: "NETWORKS",
};

function rowOf({ pod, containers }: Listed, whole: boolean, now: number): PodRow {
  const short = (id: string) => (whole ? id : id.slice(0, 12));
  const each = (text: (container: ListedContainer) => string) => containers.map(text).join(",");
  return {
    Id: short(pod.id),
    ID: short(pod.id),
    Name: pod.name,
    Status: podStatus(pod, containers),
    Created: readableAge(pod.created, now),
    NumberOfContainers: containers.length,
    ContainerNames: each(({ record }) => record.name ?? ""),
    ContainerIds: each(({ record }) => short(record.id)),
    ContainerStatuses: each(({ state }) => state.status),
    Labels: Object.entries(pod.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Label: (name: unknown) => pod.labels[String(name)] ?? "",
    Networks: pod.networkName ?? "default",
  };
}

const STATUSES = ["created", "running", "paused", "degraded", "exited", "stopped"];

const FILTERS = {
  ...labelFilters<Listed>(({ pod }) => pod.labels),
  id:
    (value: string) =>
    ({ pod }: Listed) =>
      pod.id.startsWith(value),
  name: nameFilter<Listed>("name", ({ pod }) => [pod.name]),
  status: wordFilter<Listed>("status", STATUSES, ({ pod, containers }) => podStatus(pod, containers).toLowerCase()),
  network:
    (value: string) =>
    ({ pod }: Listed) =>
      (pod.networkName ?? "default").split(" ").includes(value),
  "ctr-names": nameFilter<Listed>("ctr-names", ({ containers }) => containers.map(({ record }) => record.name ?? "")),
  "ctr-ids":
    (value: string) =>
    ({ containers }: Listed) =>
      containers.some(({ record }) => record.id.startsWith(value)),
  "ctr-number":
    (value: string) =>
    ({ containers }: Listed) =>
      String(containers.length) === value,
  "ctr-status":
    (value: string) =>
    ({ containers }: Listed) =>
      containers.some(({ state }) => state.status === value),
};

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const store = openStore().root;
  const members = membersByPod(store);
  const pods = listPods(store)
    .map((pod): Listed => ({ pod, containers: members.get(pod.id) ?? [] }))
    .filter(chooseBy(all(args, "filter"), FILTERS));
  const now = Date.now();
  const rows = pods.map((listed) => rowOf(listed, isOn(args, "no-trunc"), now));
  const more = [
    ["ctr-names", "ContainerNames", "NAMES"],
    ["ctr-ids", "ContainerIds", "IDS"],
    ["ctr-status", "ContainerStatuses", "STATUS"],
  ] as const;
  const columns = [
    ...COLUMNS,
    ...more.flatMap(([flag, field, heading]) => (isOn(args, flag) ? [[field, heading] as const] : [])),
  ];
  const text = isOn(args, "quiet")
    ? rows.map(({ Id }) => Id).join("\n")
    : renderListing(last(args, "format") ?? "table", { columns, headings: HEADINGS, rows });
  if (text !== "") writeAll(1, `${text}\n`);
  return 0;
}
