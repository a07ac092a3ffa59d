/** `.container` files. podman-systemd.unit(5) */
import { TsboxError } from "../../../error.ts";
import { exists } from "../../../linux/read-text.ts";
import { CLEAN_UP_TIME, successStatuses } from "../service.ts";
import { sectionEntries, splitWords, type UnitEntry, type UnitText } from "../unit-file.ts";
import { boolValue, CONTAINER_KEYS, flagsOf, lastValue, valuesOf } from "./keys.ts";
import {
  commandLine,
  findQuadlet,
  type Needs,
  need,
  ownLines,
  pathFrom,
  type Quadlet,
  type Quadlets,
  resourceName,
  unlessGiven,
} from "./quadlet.ts";

const DEFAULT_STOP = 10;

/** @throws TsboxError naming file and line */
export function containerSections(quadlet: Quadlet, quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries, path } = quadlet;
  const needs: Needs = { lines: [] };
  const name = resourceName(quadlet, true);
  const type = sectionEntries(quadlet.sections, "Service").findLast(({ key }) => key === "Type");
  if (type !== undefined && type.value !== "notify" && type.value !== "oneshot")
    throw new TsboxError("invalid", `cannot use ${type.place}: the type of a container's service is notify or oneshot`);
  const once = type?.value === "oneshot";
  const pod = lastEntry(entries, "Pod");
  const stop = lastValue(entries, "StopTimeout") ?? String(DEFAULT_STOP);
  if (!/^\d+$/.test(stop))
    throw new TsboxError("invalid", `cannot use ${path}: StopTimeout=${stop} is not a number of seconds`);
  const command = (...words: string[]) => commandLine(tsbox, quadlet, words);
  // a pod's namespaces are kept by a process that the first of its containers starts: it stays when that one ends
  const cgroups = lastValue(entries, "CgroupsMode") ?? (pod === undefined ? "split" : "enabled");
  const flags = [
    ...(once ? [] : ["-d", `--sdnotify=${notifyMode(entries)}`]),
    ...["--rm", "--replace", `--name=${name}`, `--cgroups=${cgroups}`, `--stop-timeout=${stop}`],
    ...flagsOf(entries, CONTAINER_KEYS),
    ...ownFlags(quadlet, quadlets, needs),
  ];
  if (pod !== undefined) {
    const other = findQuadlet(quadlets, pod.value, pod);
    flags.push(`--pod=${resourceName(other, false)}`);
    need(needs, other, "BindsTo");
  }
  const root = rootOf(quadlet, quadlets, needs);
  const words = valuesOf(entries, "Exec").slice(-1).flatMap(splitWords);
  return [
    ["Unit", [...ownLines(quadlet, "Unit"), ...needs.lines]],
    [
      "Service",
      [
        ...ownLines(quadlet, "Service"),
        "Environment=TSBOX_SYSTEMD_UNIT=%n",
        unlessGiven(quadlet, "Service", once ? "Type=oneshot" : "Type=notify"),
        unlessGiven(quadlet, "Service", "NotifyAccess=all"),
        unlessGiven(quadlet, "Service", successStatuses(lastValue(entries, "StopSignal"))),
        unlessGiven(quadlet, "Service", `TimeoutStopSec=${Number(stop) + CLEAN_UP_TIME}`),
        unlessGiven(quadlet, "Service", `KillMode=${pod === undefined ? "mixed" : "process"}`),
        cgroups === "split" ? unlessGiven(quadlet, "Service", "Delegate=yes") : undefined,
        unlessGiven(quadlet, "Service", "SyslogIdentifier=%N"),
        `ExecStart=${command("run", ...flags, ...root, ...words)}`,
        once ? undefined : `ExecStop=${command("stop", "--ignore", "-t", stop, name)}`,
        `ExecStopPost=-${command("rm", "-f", "-v", name)}`,
        ...reload(entries, name, command),
      ],
    ],
    ["Install", ownLines(quadlet, "Install")],
  ];
}

function lastEntry(entries: readonly UnitEntry[], key: string): UnitEntry | undefined {
  return valuesOf(entries, key).at(-1);
}

function notifyMode(entries: readonly UnitEntry[]): string {
  if (lastValue(entries, "Notify") === "healthy") return "healthy";
  return boolValue(entries, "Notify") === true ? "container" : "conmon";
}

/** The image's name, or nothing with a root file system. */
function rootOf(quadlet: Quadlet, quadlets: Quadlets, needs: Needs): string[] {
  const image = lastEntry(quadlet.entries, "Image");
  const rootfs = lastEntry(quadlet.entries, "Rootfs");
  if (rootfs !== undefined && image !== undefined)
    throw new TsboxError("invalid", `cannot use ${rootfs.place}: Image and Rootfs exclude each other`);
  if (rootfs !== undefined) return [];
  if (image === undefined)
    throw new TsboxError("invalid", `cannot use ${quadlet.path}: it has neither Image nor Rootfs`);
  if (image.value.endsWith(".build"))
    throw new TsboxError("unsupported", `cannot use ${image.place}: tsbox does not build images yet`);
  if (!image.value.endsWith(".image")) return [image.value];
  const other = findQuadlet(quadlets, image.value, image);
  need(needs, other);
  return [lastValue(other.entries, "ImageTag") ?? lastValue(other.entries, "Image") ?? ""];
}

/** Flags of keys whose values are more than a flag's. */
function ownFlags(quadlet: Quadlet, quadlets: Quadlets, needs: Needs): string[] {
  const { entries } = quadlet;
  const each = (key: string, make: (entry: UnitEntry) => string[]) => valuesOf(entries, key).flatMap(make);
  const user = lastValue(entries, "User");
  const group = lastEntry(entries, "Group");
  if (group !== undefined && user === undefined)
    throw new TsboxError("invalid", `cannot use ${group.place}: Group needs User`);
  const colons = (key: string) =>
    each(key, (entry) => splitWords(entry).flatMap((word) => word.split(":"))).map((path) =>
      path === "all" ? "ALL" : path,
    );
  const mask = colons("Mask");
  const unmask = colons("Unmask");
  const rootfs = lastValue(entries, "Rootfs");
  return [
    ...(user === undefined ? [] : [`--user=${user}${group === undefined ? "" : `:${group.value}`}`]),
    ...(rootfs === undefined ? [] : [`--rootfs=${pathFrom(quadlet, rootfs)}`]),
    ...each("AddDevice", ({ value }) => optionalDevice(value)),
    ...each("EnvironmentFile", ({ value }) => [`--env-file=${pathFrom(quadlet, value, true)}`]),
    ...each("Volume", (entry) => [`--volume=${volume(quadlet, quadlets, needs, entry)}`]),
    ...each("Mount", (entry) => [`--mount=${mount(quadlet, quadlets, needs, entry)}`]),
    ...each("Network", (entry) => [`--network=${networkOf(quadlets, needs, entry)}`]),
    ...(boolValue(entries, "NoNewPrivileges") === false ? ["--security-opt=no-new-privileges=false"] : []),
    ...each("SeccompProfile", ({ value }) => [`--security-opt=seccomp=${pathFrom(quadlet, value)}`]),
    ...(mask.length === 0 ? [] : [`--security-opt=mask=${mask.join(":")}`]),
    ...(unmask.length === 0 ? [] : [`--security-opt=unmask=${unmask.join(":")}`]),
  ];
}

/** One with a minus before it is given only where it is. */
function optionalDevice(value: string): string[] {
  if (!value.startsWith("-")) return [`--device=${value}`];
  const device = value.slice(1);
  return exists(device.split(":")[0] ?? "") ? [`--device=${device}`] : [];
}

function volume(quadlet: Quadlet, quadlets: Quadlets, needs: Needs, entry: UnitEntry): string {
  const [source = "", ...rest] = entry.value.split(":");
  return [rest.length === 0 ? source : sourceOf(quadlet, quadlets, needs, entry, source), ...rest].join(":");
}

function mount(quadlet: Quadlet, quadlets: Quadlets, needs: Needs, entry: UnitEntry): string {
  return entry.value
    .split(",")
    .map((part) => {
      const [, key, value] = /^(source|src)=(.*)$/.exec(part) ?? [];
      return value === undefined ? part : `${key}=${sourceOf(quadlet, quadlets, needs, entry, value)}`;
    })
    .join(",");
}

function sourceOf(quadlet: Quadlet, quadlets: Quadlets, needs: Needs, entry: UnitEntry, source: string): string {
  if (source.endsWith(".volume") && !source.includes("/")) {
    const other = findQuadlet(quadlets, source, entry);
    need(needs, other);
    return resourceName(other, false);
  }
  const path = pathFrom(quadlet, source);
  if (path.startsWith("/") || path.startsWith("%h")) {
    const line = `RequiresMountsFor=${path.includes(" ") ? `"${path}"` : path}`;
    if (!needs.lines.includes(line)) needs.lines.push(line);
  }
  return path;
}

/** Also of `.pod` and `.kube` files. */
export function networkOf(quadlets: Quadlets, needs: Needs, entry: UnitEntry): string {
  const [file = "", ...options] = entry.value.split(":");
  if (!file.endsWith(".network") && !file.endsWith(".container")) return entry.value;
  const other = findQuadlet(quadlets, file, entry);
  need(needs, other);
  const name = resourceName(other, false);
  return other.kind === "container" ? `container:${name}` : [name, ...options].join(":");
}

function reload(entries: readonly UnitEntry[], name: string, command: (...words: string[]) => string): string[] {
  const program = lastEntry(entries, "ReloadCmd");
  const signal = lastEntry(entries, "ReloadSignal");
  if (program !== undefined && signal !== undefined)
    throw new TsboxError("invalid", `cannot use ${signal.place}: ReloadCmd and ReloadSignal exclude each other`);
  if (program !== undefined) return [`ExecReload=${command("exec", name, ...splitWords(program))}`];
  return signal === undefined ? [] : [`ExecReload=${command("kill", `--signal=${signal.value}`, name)}`];
}
