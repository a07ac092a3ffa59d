/** A container as a row of `ps`. Fields are made when they are asked for: a listing of hundreds shows few of them. */
import type { ListedContainer } from "../container/list.ts";
import { portsFolder, readPorts } from "../container/ports.ts";
import { storeFolder } from "../store/index.ts";
import { statusText } from "./container-status.ts";
import { readableAge, readableTime, shortID } from "./readable.ts";
import type { Columns } from "./table.ts";

/** Named as Docker's fields are. */
export interface ContainerRow extends Record<string, unknown> {
  readonly ID: string;
  readonly Names: string;
  readonly Image: string;
  readonly Command: string;
  readonly CreatedAt: string;
  readonly RunningFor: string;
  readonly State: string;
  readonly Status: string;
  readonly Ports: string;
  readonly Labels: string;
  readonly Mounts: string;
  readonly Networks: string;
  readonly LocalVolumes: string;
  readonly Size: string;
  readonly Pod: string;
  readonly ExitCode: number;
  readonly Pid: number;
  readonly Restarts: number;
  readonly Label: (name: unknown) => string;
}

export const COLUMNS: Columns<ContainerRow> = [
  ["ID", "CONTAINER ID"],
  ["Image", "IMAGE"],
  ["Command", "COMMAND"],
  ["RunningFor", "CREATED"],
  ["Status", "STATUS"],
  ["Ports", "PORTS"],
  ["Names", "NAMES"],
];

export const SIZE_COLUMN = ["Size", "SIZE"] as const;

export interface RowOptions {
  /** Nothing shortened. */
  readonly whole: boolean;
  readonly now: number;
  /** What `.Size` is: of the writable layer, and with the image. */
  readonly size: (container: ListedContainer) => string;
}

/** So many letters of a command, and of where a mount is from, say which it is. Docker's. */
const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

export function containerRow(container: ListedContainer, { whole, now, size }: RowOptions): ContainerRow {
  const { record, state } = container;
  const shorten = (text: string, width: number) =>
    whole || text.length <= width ? text : `${text.slice(0, width - 1)}…`;
  return {
    get ID() {
      return whole ? record.id : shortID(record.id);
    },
    Names: record.name ?? "",
    Image: record.image ?? "<rootfs>",
    get Command() {
      return `"${shorten(record.command.join(" "), COMMAND_WIDTH)}"`;
    },
    get CreatedAt() {
      return readableTime(record.created);
    },
    get RunningFor() {
      return readableAge(record.created, now);
    },
    State: state.status,
    get Status() {
      return statusText(container, now);
    },
    get Ports() {
      if (state.pid === 0 || (record.ports === undefined && record.pod === undefined)) return "";
      return readPorts(portsFolder(storeFolder(), record)).map(portText).join(", ");
    },
    get Labels() {
      return Object.entries(record.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(",");
    },
    get Mounts() {
      return (record.mounts ?? [])
        .map(({ name, source, destination }) => shorten(name ?? source ?? destination, MOUNT_WIDTH))
        .join(",");
    },
    Networks: record.network ?? DEFAULT_NETWORK,
    get LocalVolumes() {
      return String((record.mounts ?? []).filter(({ type }) => type === "volume").length);
    },
    get Size() {
      return size(container);
    },
    Pod: record.pod ?? "",
    ExitCode: state.exitCode,
    Pid: state.pid,
    Restarts: state.restarts,
    Label: (name) => record.labels[String(name)] ?? "",
  };
}

/** What `.Networks` says of a container whose network nobody named: the choice is made at each start. */
export const DEFAULT_NETWORK = "default";

type Port = NonNullable<ListedContainer["record"]["ports"]>[number];

/** `0.0.0.0:8080->80/tcp`, a range as `0.0.0.0:8080-8082->80-82/tcp`. */
export function portText({ protocol, hostIP, hostPort, containerPort, count }: Port): string {
  const range = (first: number) => (count > 1 ? `${first}-${first + count - 1}` : String(first));
  const inside = `${range(containerPort)}/${protocol}`;
  if (hostPort === undefined) return inside;
  const address = hostIP === undefined ? "0.0.0.0" : hostIP.includes(":") ? `[${hostIP}]` : hostIP;
  return `${address}:${range(hostPort)}->${inside}`;
}
