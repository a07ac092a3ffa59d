/** The fields of `ps`. Each is a function, called for those that are shown: a listing of hundreds shows few of them. */
import type { ListedContainer } from "../container/list.ts";
import { portsFolder, readPorts } from "../container/ports.ts";
import type { BoundPort } from "../network/index.ts";
import { statusText } from "./container-status.ts";
import { readableAge, readableTime } from "./readable.ts";

export interface FieldOptions {
  readonly store: string;
  /** Nothing shortened. */
  readonly whole: boolean;
  readonly now: number;
  /** By id, of the writable layer; undefined: nobody asked. */
  readonly sizes: ReadonlyMap<string, string> | undefined;
}

type Field = (container: ListedContainer, options: FieldOptions) => string | number;

/** So many letters of a command, and of where a mount is from, say which it is. Docker's. */
const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

/** Named as Docker's are, and some more. */
export const FIELDS = {
  ID: ({ record }, { whole }) => (whole ? record.id : record.id.slice(0, 12)),
  Names: ({ record }) => record.name ?? "",
  Image: ({ record }) => record.image ?? "<rootfs>",
  Command: ({ record }, options) => `"${shorten(record.command.join(" "), COMMAND_WIDTH, options)}"`,
  CreatedAt: ({ record }) => readableTime(record.created),
  RunningFor: ({ record }, { now }) => readableAge(record.created, now),
  State: ({ state }) => state.status,
  Status: (container, { now }) => statusText(container, now),
  Ports: ({ record, state }, { store }) => {
    if (state.pid === 0 || (record.ports === undefined && record.pod === undefined)) return "";
    return readPorts(portsFolder(store, record)).map(portText).join(", ");
  },
  Labels: ({ record }) =>
    Object.entries(record.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
  Mounts: ({ record }, options) =>
    (record.mounts ?? [])
      .map(({ name, source, destination }) => shorten(name ?? source ?? destination, MOUNT_WIDTH, options))
      .join(","),
  Networks: ({ record }) => record.network ?? DEFAULT_NETWORK,
  LocalVolumes: ({ record }) => String((record.mounts ?? []).filter(({ type }) => type === "volume").length),
  Size: ({ record }, { sizes }) => sizes?.get(record.id) ?? "",
  Pod: ({ record }) => record.pod ?? "",
  ExitCode: ({ state }) => state.exitCode,
  Pid: ({ state }) => state.pid,
  Restarts: ({ state }) => state.restarts,
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof FIELDS;

/** Of the table that is shown without a template. */
export const COLUMNS: readonly (readonly [FieldName, heading: string])[] = [
  ["ID", "CONTAINER ID"],
  ["Image", "IMAGE"],
  ["Command", "COMMAND"],
  ["RunningFor", "CREATED"],
  ["Status", "STATUS"],
  ["Ports", "PORTS"],
  ["Names", "NAMES"],
];

export const SIZE_COLUMN = ["Size", "SIZE"] as const;

/** What `.Networks` says of a container whose network nobody named: the choice is made at each start. */
export const DEFAULT_NETWORK = "default";

function shorten(text: string, width: number, { whole }: FieldOptions): string {
  return whole || text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** `0.0.0.0:8080->80/tcp`, a range as `0.0.0.0:8080-8082->80-82/tcp`. */
export function portText({ protocol, hostIP, hostPort, containerPort, count }: BoundPort): string {
  const inside = `${range(containerPort, count)}/${protocol}`;
  const address = hostIP === undefined ? "0.0.0.0" : hostIP.includes(":") ? `[${hostIP}]` : hostIP;
  return `${address}:${range(hostPort, count)}->${inside}`;
}

function range(first: number, count: number): string {
  return count > 1 ? `${first}-${first + count - 1}` : String(first);
}
