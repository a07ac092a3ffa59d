/** Rows of `ps --format`, and what stands above their fields. */
import type { ListedContainer } from "../container/list.ts";
import { FIELDS, type FieldName, type FieldOptions } from "./container-fields.ts";
import { labelHeading } from "./format/label-heading.ts";

export const HEADINGS: Readonly<Record<FieldName | "Label", unknown>> = {
  ID: "CONTAINER ID",
  Names: "NAMES",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  State: "STATE",
  Status: "STATUS",
  Ports: "PORTS",
  Labels: "LABELS",
  Mounts: "MOUNTS",
  Networks: "NETWORKS",
  LocalVolumes: "LOCAL VOLUMES",
  Size: "SIZE",
  Pod: "POD ID",
  ExitCode: "EXIT CODE",
  Pid: "PID",
  Restarts: "RESTARTS",
  Label: labelHeading,
};

export type ContainerRow = Readonly<Record<FieldName | "Label", unknown>>;

/** All fields, and the method `Label`. */
export function containerRow(container: ListedContainer, options: FieldOptions): ContainerRow {
  const row: Partial<Record<FieldName | "Label", unknown>> = {
    Label: (name: unknown) => container.record.labels[String(name)] ?? "",
  };
  for (const [name, field] of Object.entries(FIELDS)) row[name as FieldName] = field(container, options); // cast: their keys
  return row as ContainerRow; // cast: all are there
}
