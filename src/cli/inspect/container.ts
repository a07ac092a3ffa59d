/** A container in the words of Docker's API (ContainerInspect), so that what reads it reads tsbox's. */
import { containerRoot } from "../../container/container-root.ts";
import { type ContainerRecord, containerFolder, type RecordedMount } from "../../container/folder.ts";
import { healthCheck, healthTest } from "../../container/health.ts";
import { findContainer } from "../../container/list.ts";
import { readOptions, type SavedOptions } from "../../container/options-file.ts";
import { mergeEnv } from "../../container/spec/environment.ts";
import { type ContainerState, containerState, readRecord } from "../../container/state.ts";
import { findVolume, volumeData } from "../../container/volumes/index.ts";
import { exists, readShortText } from "../../linux/read-text.ts";
import { mapOf } from "../format/values.ts";
import { hostConfig } from "./host-config.ts";
import type { Inspected } from "./kinds.ts";
import { networkSettings } from "./network-settings.ts";

/** Docker's for what never was. */
const NEVER = "0001-01-01T00:00:00Z";
const NANOSECONDS = 1e6;

/** @throws TsboxError `not-found`; `usage` when several ids begin so */
export async function inspectContainer(store: string, name: string, withSize: boolean): Promise<Inspected> {
  const id = findContainer(store, name);
  const record = readRecord(store, id);
  const saved = savedOptions(store, id);
  const state = containerState(store, record);
  const folder = containerFolder(store, id);
  const [path = "", ...args] = record.command;
  const file = (name: string) => (exists(`${folder}/${name}`) ? `${folder}/${name}` : "");
  const size = withSize
    ? (await (await import("../container-size.ts")).containerSizes(store, [{ record }])).get(id)
    : undefined;
  return {
    Id: id,
    Created: new Date(record.created).toISOString(),
    Path: path,
    Args: args,
    State: stateOf(record, state, folder),
    Image: record.imageID ?? "",
    ResolvConfPath: file("resolv.conf"),
    HostnamePath: file("hostname"),
    HostsPath: file("hosts"),
    LogPath: record.log === "json-file" ? `${folder}/log/container.log` : "",
    Name: `/${record.name ?? ""}`,
    RestartCount: state.restarts,
    Driver: saved?.root?.driver ?? "",
    Platform: "linux",
    ImageManifestDescriptor: record.needs === undefined ? undefined : { digest: record.needs.manifest },
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: saved?.options.security.apparmor ?? "",
    ExecIDs: null,
    Pod: record.pod ?? "",
    HostConfig: hostConfig(record, saved),
    GraphDriver: graphDriver(store, record),
    ...(withSize ? { SizeRw: size?.own ?? 0, SizeRootFs: size?.all ?? size?.own ?? 0 } : {}),
    Mounts: (record.mounts ?? []).map((mount) => mountOf(store, mount)),
    Config: configOf(record, saved),
    NetworkSettings: networkSettings(store, record, saved, state),
  };
}

/** Undefined for containers of tsbox 0.1. */
function savedOptions(store: string, id: string): SavedOptions | undefined {
  return exists(`${containerFolder(store, id)}/options.json`) ? readOptions(store, id) : undefined;
}

function time(milliseconds: number | undefined): string {
  return milliseconds === undefined ? NEVER : new Date(milliseconds).toISOString();
}

function stateOf(record: ContainerRecord, state: ContainerState, folder: string): Inspected {
  const { status, pid, exitCode, error, oomKilled, startedAt, finishedAt } = state;
  return {
    Status: status,
    Running: status === "running" || status === "paused" || status === "restarting",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: oomKilled,
    Dead: false,
    Pid: pid,
    ExitCode: exitCode,
    Error: error ?? "",
    StartedAt: time(startedAt),
    FinishedAt: time(finishedAt),
    // absent without a check, but a template may ask for it
    Health: record.healthcheck ? healthOf(state, folder) : undefined,
  };
}

/** health.json, as native writes it. Times are milliseconds since 1970. */
interface HealthFile {
  readonly streak: number;
  readonly checks: readonly {
    readonly start: number;
    readonly end: number;
    readonly exitCode: number;
    readonly output: string;
  }[];
}

function healthOf({ health }: ContainerState, folder: string): Inspected {
  const text = readShortText(`${folder}/health.json`) ?? "";
  const file = text === "" ? undefined : (JSON.parse(text) as HealthFile); // cast: only native writes it
  return {
    Status: health ?? "none",
    FailingStreak: file?.streak ?? 0,
    Log: (file?.checks ?? []).map(({ start, end, exitCode, output }) => ({
      Start: time(start),
      End: time(end),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

function mountOf(store: string, { type, name, source, destination, readOnly }: RecordedMount): Inspected {
  const isVolume = type === "volume";
  const volume = isVolume && name !== undefined ? findVolume(store, name) : undefined;
  const data = volume === undefined ? undefined : volumeData(store, volume);
  return {
    Type: type,
    // every kind has them, so that {{.Name}} may be asked of all
    Name: name ?? "",
    Source: source ?? data ?? name ?? "",
    Destination: destination,
    Driver: isVolume ? "local" : "",
    Mode: readOnly ? "ro" : "",
    RW: !readOnly,
    Propagation: type === "bind" ? "rprivate" : "",
  };
}

function graphDriver(store: string, record: ContainerRecord): Inspected {
  if (record.needs === undefined) return { Name: "", Data: mapOf<string>({}) };
  const { form, top, layers, layersFolder } = containerRoot(store, record);
  const folder = containerFolder(store, record.id);
  const data =
    form === "whole"
      ? { RootDir: top }
      : {
          LowerDir: layers
            .map((name) => `${layersFolder}/${name}`)
            .toReversed()
            .join(":"),
          MergedDir: `${folder}/merged`,
          UpperDir: top,
          WorkDir: `${folder}/work`,
        };
  return { Name: form === "whole" ? "copy" : form, Data: mapOf<string>(data) };
}

/** The container's configuration: its image's, with what was asked for. Values of secrets are nowhere in either. */
function configOf(record: ContainerRecord, saved: SavedOptions | undefined): Inspected {
  const options = saved?.options;
  const defaults = saved?.defaults ?? {};
  const ports = [...Object.keys(defaults.ExposedPorts ?? {}), ...(options?.expose ?? []).map(withProtocol)];
  const published = (record.ports ?? []).flatMap(({ containerPort, count, protocol }) =>
    Array.from({ length: count }, (_, i) => `${containerPort + i}/${protocol}`),
  );
  const entrypoint =
    options?.entrypoint === undefined
      ? (defaults.Entrypoint ?? null)
      : options.entrypoint === ""
        ? null
        : [options.entrypoint];
  const given = options?.command ?? record.command;
  return {
    Hostname: options?.hostname ?? record.id.slice(0, 12),
    Domainname: options?.domainname ?? "",
    User: options?.user ?? defaults.User ?? "",
    AttachStdin: options?.interactive ?? false,
    AttachStdout: !(options?.detach ?? false),
    AttachStderr: !(options?.detach ?? false),
    ExposedPorts: mapOf<unknown>([...ports, ...published].map((port) => [port, {}] as const)),
    Tty: record.tty ?? false,
    OpenStdin: record.interactive ?? false,
    StdinOnce: (record.interactive ?? false) && !(options?.detach ?? false),
    Env: mergeEnv(defaults.Env ?? [], options?.env ?? []),
    Cmd: given.length > 0 ? given : options?.entrypoint === undefined ? (defaults.Cmd ?? null) : null,
    Healthcheck: healthConfig(saved),
    Image: record.image ?? "",
    Volumes: mapOf<unknown>(Object.keys(defaults.Volumes ?? {}).map((path) => [path, {}] as const)),
    WorkingDir: options?.workdir ?? defaults.WorkingDir ?? "",
    Entrypoint: entrypoint,
    OnBuild: defaults.OnBuild ?? null,
    Labels: mapOf(record.labels),
    StopSignal: record.stopSignal,
    StopTimeout: record.stopTimeout ?? null,
    Shell: defaults.Shell ?? undefined,
  };
}

function withProtocol(port: string): string {
  return port.includes("/") ? port : `${port}/tcp`;
}

/** With the times that count, its own, its image's or the usual ones. */
function healthConfig(saved: SavedOptions | undefined): Inspected | undefined {
  if (saved === undefined) return undefined;
  const { options, defaults } = saved;
  const test = healthTest(options, defaults);
  if (test === undefined) return options.health?.test?.[0] === "NONE" ? { Test: ["NONE"] } : undefined;
  const times = healthCheck(options, defaults, "")?.times;
  return {
    Test: test,
    Interval: (times?.interval ?? 0) * NANOSECONDS,
    Timeout: (times?.timeout ?? 0) * NANOSECONDS,
    StartPeriod: (times?.startPeriod ?? 0) * NANOSECONDS,
    StartInterval: (times?.startInterval ?? 0) * NANOSECONDS,
    Retries: times?.retries ?? 0,
  };
}
