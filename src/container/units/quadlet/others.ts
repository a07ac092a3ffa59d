/** `.volume`, `.network`, `.pod`, `.kube` and `.image` files. Their units have done their work when the command has ended. */
import { TsboxError } from "../../../error.ts";
import { CLEAN_UP_TIME } from "../service.ts";
import type { UnitText } from "../unit-file.ts";
import { networkOf } from "./container.ts";
import {
  boolValue,
  flagsOf,
  IMAGE_KEYS,
  KUBE_KEYS,
  lastValue,
  NETWORK_KEYS,
  POD_KEYS,
  VOLUME_KEYS,
  valuesOf,
} from "./keys.ts";
import {
  commandLine,
  type Needs,
  ownLines,
  pathFrom,
  type Quadlet,
  type Quadlets,
  resourceName,
  serviceName,
  unlessGiven,
} from "./quadlet.ts";

/** @param exec lines of `[Service]` */
function onceSections(quadlet: Quadlet, needs: Needs, exec: readonly (string | undefined)[]): UnitText {
  return [
    ["Unit", [...ownLines(quadlet, "Unit"), ...needs.lines]],
    [
      "Service",
      [
        ...ownLines(quadlet, "Service"),
        "Environment=TSBOX_SYSTEMD_UNIT=%n",
        unlessGiven(quadlet, "Service", "Type=oneshot"),
        unlessGiven(quadlet, "Service", "RemainAfterExit=yes"),
        unlessGiven(quadlet, "Service", "SyslogIdentifier=%N"),
        ...exec,
      ],
    ],
    ["Install", ownLines(quadlet, "Install")],
  ];
}

export function volumeSections(quadlet: Quadlet, _quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries } = quadlet;
  const options = [
    ...valuesOf(entries, "Type").map(({ value }) => `--opt=type=${value}`),
    ...valuesOf(entries, "Device").map(({ value }) => `--opt=device=${pathFrom(quadlet, value)}`),
    ...valuesOf(entries, "Options").map(({ value }) => `--opt=o=${value}`),
  ];
  const words = [
    "volume",
    "create",
    "--ignore",
    ...flagsOf(entries, VOLUME_KEYS),
    ...options,
    resourceName(quadlet, true),
  ];
  return onceSections(quadlet, { lines: [] }, [`ExecStart=${commandLine(tsbox, quadlet, words)}`]);
}

export function networkSections(quadlet: Quadlet, _quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries } = quadlet;
  const name = resourceName(quadlet, true);
  const words = ["network", "create", "--ignore", ...flagsOf(entries, NETWORK_KEYS), name];
  const remove = boolValue(entries, "NetworkDeleteOnStop") === true;
  return onceSections(quadlet, { lines: [] }, [
    `ExecStart=${commandLine(tsbox, quadlet, words)}`,
    remove ? `ExecStopPost=-${commandLine(tsbox, quadlet, ["network", "rm", name])}` : undefined,
  ]);
}

/** The pod is made anew at each start, and its containers, which have units of their own, with it. */
export function podSections(quadlet: Quadlet, quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries } = quadlet;
  const needs: Needs = { lines: [] };
  const name = resourceName(quadlet, true);
  const stop = lastValue(entries, "StopTimeout") ?? "10";
  const networks = valuesOf(entries, "Network").map((entry) => `--network=${networkOf(quadlets, needs, entry)}`);
  const members = [...quadlets.values()].filter(
    (other) =>
      other.kind === "container" &&
      lastValue(other.entries, "Pod") === quadlet.file &&
      boolValue(other.entries, "StartWithPod") !== false,
  );
  for (const member of members) needs.lines.push(`Wants=${serviceName(member)}`, `Before=${serviceName(member)}`);
  const words = ["pod", "create", "--replace", `--name=${name}`, ...flagsOf(entries, POD_KEYS), ...networks];
  return onceSections(quadlet, needs, [
    unlessGiven(quadlet, "Service", `TimeoutStopSec=${Number(stop) + CLEAN_UP_TIME}`),
    `ExecStart=${commandLine(tsbox, quadlet, words)}`,
    `ExecStop=${commandLine(tsbox, quadlet, ["pod", "stop", "--ignore", "-t", stop, name])}`,
    `ExecStopPost=-${commandLine(tsbox, quadlet, ["pod", "rm", "-f", name])}`,
  ]);
}

export function kubeSections(quadlet: Quadlet, quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries, path } = quadlet;
  const needs: Needs = { lines: [] };
  const yaml = lastValue(entries, "Yaml");
  if (yaml === undefined) throw new TsboxError("invalid", `cannot use ${path}: it has no Yaml`);
  const file = pathFrom(quadlet, yaml, true);
  const flags = [
    ...flagsOf(entries, KUBE_KEYS),
    ...valuesOf(entries, "Network").map((entry) => `--network=${networkOf(quadlets, needs, entry)}`),
    ...valuesOf(entries, "ConfigMap").map(({ value }) => `--configmap=${pathFrom(quadlet, value, true)}`),
  ];
  const force = boolValue(entries, "KubeDownForce") === true ? ["--force"] : [];
  return onceSections(quadlet, needs, [
    `ExecStart=${commandLine(tsbox, quadlet, ["kube", "play", "--replace", ...flags, file])}`,
    `ExecStopPost=${commandLine(tsbox, quadlet, ["kube", "down", ...force, file])}`,
  ]);
}

export function imageSections(quadlet: Quadlet, _quadlets: Quadlets, tsbox: readonly string[]): UnitText {
  const { entries, path } = quadlet;
  const image = lastValue(entries, "Image");
  if (image === undefined) throw new TsboxError("invalid", `cannot use ${path}: it has no Image`);
  const [os, arch, variant] = ["OS", "Arch", "Variant"].map((key) => lastValue(entries, key));
  if (arch === undefined && (os ?? variant) !== undefined)
    throw new TsboxError("invalid", `cannot use ${path}: OS and Variant need Arch`);
  const platform = arch === undefined ? [] : [`--platform=${[os ?? "linux", arch, variant].filter(Boolean).join("/")}`];
  const words = ["pull", "--quiet", ...flagsOf(entries, IMAGE_KEYS), ...platform, image];
  return onceSections(quadlet, { lines: [] }, [`ExecStart=${commandLine(tsbox, quadlet, words)}`]);
}
