/** What stands above the fields of `ps --format 'table ...'`. */
import type { ContainerRow } from "./container-row.ts";
import { labelHeading } from "./format/label-heading.ts";

export const HEADINGS: Readonly<Record<keyof ContainerRow & string, unknown>> = {
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
