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

export type ContainerRow = Readonly<Partial<Record<FieldName | "Label", unknown>>>;

/**
 * The fields that a format can show: those that it names, or all if it has the whole row somewhere (`json`, `{{json .}}`, `$`).
 * Some fields cost a file to read.
 */
export function fieldsIn(format: string): readonly FieldName[] {
  const all = Object.keys(FIELDS) as FieldName[]; // cast: its keys
  const isWhole = format === "json" || /(^|[^\w)])\.(?![A-Za-z_])|\$/.test(format);
  return isWhole ? all : all.filter((name) => format.includes(`.${name}`));
}

/** Some fields, and the method `Label`. */
export function containerRow(
  container: ListedContainer,
  options: FieldOptions,
  fields: readonly FieldName[],
): ContainerRow {
  const row: Partial<Record<FieldName | "Label", unknown>> = {
    Label: (name: unknown) => container.record.labels[String(name)] ?? "",
  };
  for (const name of fields) row[name] = FIELDS[name](container, options);
  return row;
}
