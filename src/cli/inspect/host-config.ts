/** HostConfig of Docker's ContainerInspect: what was asked of the host. */
import type { ContainerRecord } from "../../container/folder.ts";
import type { SavedOptions } from "../../container/options-file.ts";
import type { MountRequest, RunOptions } from "../../container/spec/options.ts";
import { mapOf } from "../format/values.ts";
import type { Inspected } from "./kinds.ts";

export function hostConfig(record: ContainerRecord, saved: SavedOptions | undefined): Inspected {
  const options = saved?.options;
  const mounts = options?.mounts ?? [];
  return {
    Binds: mounts.filter(isBind).map(bindText),
    ContainerIDFile: options?.cidFile ?? "",
    LogConfig: { Type: record.log ?? "none", Config: mapOf(logOptions(options)) },
    NetworkMode: record.network ?? "default",
    PortBindings: portBindings(record),
    PublishAllPorts: options?.publishAll ?? false,
    RestartPolicy: { Name: record.restart?.name ?? "no", MaximumRetryCount: record.restart?.maximum ?? 0 },
    AutoRemove: record.remove,
    VolumeDriver: "",
    VolumesFrom: (options?.volumesFrom ?? []).map(({ container, readOnly }) => `${container}${readOnly ? ":ro" : ""}`),
    CapAdd: options?.capAdd ?? [],
    CapDrop: options?.capDrop ?? [],
    Cgroup: "",
    CgroupParent: "",
    CgroupnsMode: options?.cgroupns ?? "private",
    Dns: options?.dns.servers ?? [],
    DnsOptions: options?.dns.options ?? [],
    DnsSearch: options?.dns.search ?? [],
    ExtraHosts: (options?.addHosts ?? []).map(({ name, address }) => `${name}:${address}`),
    GroupAdd: options?.groups ?? [],
    IpcMode: options?.ipc ?? "private",
    Init: options?.init ?? false,
    Isolation: "",
    Links: null,
    OomScoreAdj: options?.oomScoreAdj ?? 0,
    PidMode: options === undefined || options.pid === "private" ? "" : options.pid,
    Privileged: options?.privileged ?? false,
    ReadonlyRootfs: options?.readOnly ?? false,
    SecurityOpt: securityOptions(options),
    Tmpfs: mapOf(
      mounts
        .filter(({ type }) => type === "tmpfs")
        .map(({ destination, options }) => [destination, options.join(",")] as const),
    ),
    UTSMode: options?.uts === "host" ? "host" : "",
    UsernsMode: saved?.mapping.kind ?? "",
    ShmSize: options?.shmSize ?? 0,
    Sysctls: mapOf(options?.sysctl ?? {}),
    Runtime: "tsbox",
    Annotations: mapOf(options?.annotations ?? {}),
    ...resourcesOf(options),
    Devices: mounts.filter(isDevice).map(({ source, destination }) => ({
      PathOnHost: source ?? "",
      PathInContainer: destination,
      CgroupPermissions: "rwm",
    })),
    Ulimits: (options?.rlimits ?? []).map(({ type, soft, hard }) => ({
      Name: type.replace(/^RLIMIT_/, "").toLowerCase(),
      Hard: hard,
      Soft: soft,
    })),
    Mounts: mounts.filter(({ flag }) => flag.startsWith("--mount ")).map(longMount),
  };
}

function isDevice({ flag }: MountRequest): boolean {
  return flag.startsWith("--device ");
}

/** What `-v` made; volumes that nobody named are in Mounts alone. */
function isBind({ type, source, flag }: MountRequest): boolean {
  return source !== undefined && (type === "bind" || type === "volume") && /^(-v|--volume) /.test(flag);
}

/** With the options as they were given, not as they were understood. */
function bindText({ source, destination, flag }: MountRequest): string {
  const [, , words] = flag.split(":");
  return [source, destination, ...(words === undefined ? [] : [words])].join(":");
}

function longMount({ type, source, destination, options }: MountRequest): Inspected {
  return {
    Type: type,
    ...(source === undefined ? {} : { Source: source }),
    Target: destination,
    ReadOnly: options.includes("ro"),
  };
}

function logOptions(options: RunOptions | undefined): Record<string, string> {
  const log = options?.log;
  if (log === undefined) return {};
  return {
    ...(log.maxSize > 0 ? { "max-size": String(log.maxSize) } : {}),
    ...(log.maxFile > 0 ? { "max-file": String(log.maxFile) } : {}),
    ...(log.tag === undefined ? {} : { tag: log.tag }),
  };
}

/** As they were asked for: an empty HostPort is one that the host chooses. */
function portBindings({ ports = [] }: ContainerRecord) {
  const bindings = mapOf<{ HostIp: string; HostPort: string }[]>({});
  for (const { protocol, hostIP, hostPort, hostPorts = 1, containerPort, count } of ports) {
    for (let i = 0; i < count; i++) {
      const port = `${containerPort + i}/${protocol}`;
      bindings[port] = [
        ...(bindings[port] ?? []),
        { HostIp: hostIP ?? "", HostPort: hostPort === undefined ? "" : hostPortText(hostPort + i, hostPorts) },
      ];
    }
  }
  return bindings;
}

function hostPortText(first: number, choice: number): string {
  return choice === 1 ? String(first) : `${first}-${first + choice - 1}`;
}

function securityOptions(options: RunOptions | undefined): string[] {
  if (options === undefined) return [];
  const { seccomp, noNewPrivileges, apparmor, mask, unmask } = options.security;
  return [
    ...(seccomp === undefined ? [] : [`seccomp=${seccomp}`]),
    ...(apparmor === undefined ? [] : [`apparmor=${apparmor}`]),
    ...(noNewPrivileges ? ["no-new-privileges"] : []),
    ...mask.map((path) => `mask=${path}`),
    ...unmask.map((path) => `unmask=${path}`),
  ];
}

/** Docker's numbers: 0 is no limit. */
function resourcesOf(options: RunOptions | undefined): Inspected {
  const { memory, cpu, pids, blockIO } = options?.resources ?? {};
  const { quota = 0, period = 0 } = cpu ?? {};
  return {
    CpuShares: cpu?.shares ?? 0,
    Memory: memory?.limit ?? 0,
    NanoCpus: quota > 0 && period > 0 ? Math.round((quota / period) * 1e9) : 0,
    CpuPeriod: period,
    CpuQuota: quota,
    CpusetCpus: cpu?.cpus ?? "",
    CpusetMems: cpu?.mems ?? "",
    BlkioWeight: blockIO?.weight ?? 0,
    MemoryReservation: memory?.reservation ?? 0,
    MemorySwap: memory?.swap ?? 0,
    MemorySwappiness: memory?.swappiness ?? null,
    OomKillDisable: memory?.disableOOMKiller ?? false,
    PidsLimit: pids?.limit ?? null,
  };
}
