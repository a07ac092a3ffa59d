/** An image's configuration and a person's options as config.json: Docker's meanings, complete enough for any runtime. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import type { ContainerDefaults, Linux, NamespaceType, Process, RuntimeConfig } from "../../oci/index.ts";
import { chooseCapabilities } from "./capabilities.ts";
import { mergeEnv } from "./environment.ts";
import { buildMounts } from "./mounts.ts";
import type { RunOptions } from "./options.ts";
import { checkSysctl } from "./sysctl.ts";
import type { ReadImageFile } from "./user.ts";
import { resolveUser } from "./user.ts";

/** Nothing that tsbox writes needs a later one, and crun before 1.9 refuses whatever does not begin with 1.0. */
export const SPEC_VERSION = "1.0.2";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What Docker masks and makes read-only. */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

export interface SpecContext {
  readonly mapping: IdMapping;
  readonly hostname: string;
  /** Absolute path of the root file system, as far as another runtime could use it. */
  readonly rootPath: string;
  readonly readFile: ReadImageFile;
  /** Whether the container has a network namespace of its own. */
  readonly newNetwork: boolean;
  /** Namespaces of another container to be joined, its user namespace among them. */
  readonly joinNamespaces?: readonly { readonly type: NamespaceType; readonly path: string }[];
  /** Host paths of /etc/resolv.conf, /etc/hosts and /etc/hostname for the container. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether a path is there on the host; looked up when absent. */
  readonly hostHas?: (path: string) => boolean;
  /** Whether /sys/fs/cgroup is cgroup v2, which a container can have a view of its own of. */
  readonly unifiedCgroups: boolean;
  /** Device nodes of the host that --privileged brings. */
  readonly privilegedDevices: readonly string[];
}

/** `Entrypoint` and `Cmd` as Docker combines them: a new entrypoint makes the image's Cmd void. */
export function commandLine(
  options: Pick<RunOptions, "entrypoint" | "command">,
  defaults: ContainerDefaults,
): string[] {
  const entrypoint =
    options.entrypoint === undefined
      ? (defaults.Entrypoint ?? [])
      : options.entrypoint === ""
        ? []
        : [options.entrypoint];
  const own = options.command.length > 0 || options.entrypoint !== undefined;
  const args = [...entrypoint, ...(own ? options.command : (defaults.Cmd ?? []))];
  if (args.length === 0) throw new TsboxError("usage", "cannot run: no command given, and the image has none");
  return args;
}

/** Labels and annotations of the image are its own words and never become options of the host (CVE-2026-53488, CVE-2026-53492). */
export function buildSpec(options: RunOptions, defaults: ContainerDefaults, context: SpecContext): RuntimeConfig {
  const annotations = { ...options.annotations };
  return {
    ociVersion: SPEC_VERSION,
    process: buildProcess(options, defaults, context),
    root: { path: context.rootPath, ...(options.readOnly ? { readonly: true } : {}) },
    ...(options.uts === "host" || joins(context, "uts") ? {} : { hostname: context.hostname }),
    ...(options.domainname === undefined ? {} : { domainname: options.domainname }),
    mounts: buildMounts(options, context),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    linux: buildLinux(options, context),
  };
}

function buildProcess(options: RunOptions, defaults: ContainerDefaults, context: SpecContext): Process {
  const user = resolveUser(
    options.user ?? keptUser(options, context) ?? defaults.User ?? "",
    options.groups,
    context.readFile,
  );
  const capabilities = chooseCapabilities(options.capAdd, options.capDrop, options.privileged);
  const ofRoot = user.uid === 0 ? capabilities : [];
  const base = [DEFAULT_PATH, `HOSTNAME=${context.hostname}`, ...(options.tty ? ["TERM=xterm"] : [])];
  const given = mergeEnv(base, defaults.Env ?? [], options.env);
  const env = given.some((entry) => entry.startsWith("HOME=")) ? given : [...given, `HOME=${user.home ?? "/"}`];
  const cwd = options.workdir ?? (defaults.WorkingDir || "/");
  if (!cwd.startsWith("/"))
    throw new TsboxError("usage", `cannot run in ${JSON.stringify(cwd)}: the working folder must be an absolute path`);
  if (context.mapping.kind === "single" && options.groups.length > 0) {
    throw new TsboxError(
      "host",
      "cannot use --group-add: only your own id is mapped, and then the kernel lets nobody change groups; tsbox doctor says how to get subordinate ids",
    );
  }
  const groups = context.mapping.kind === "single" ? [] : user.groups;
  return {
    terminal: options.tty,
    user: {
      uid: user.uid,
      gid: user.gid,
      umask: options.umask ?? 0o022,
      ...(groups.length > 0 ? { additionalGids: groups } : {}),
    },
    args: commandLine(options, defaults),
    env,
    cwd,
    // nothing inheritable (CVE-2022-29162, CVE-2022-27649); a user who is not root starts without any, as in Docker
    capabilities: { bounding: capabilities, effective: ofRoot, permitted: ofRoot, inheritable: [], ambient: [] },
    noNewPrivileges: options.security.noNewPrivileges,
    ...(options.security.apparmor === undefined ? {} : { apparmorProfile: options.security.apparmor }),
    ...(options.rlimits.length > 0 ? { rlimits: options.rlimits } : {}),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
  };
}

/** With --userns=keep-id the program runs as the caller's own id, unless another user is asked for. */
export function keptUser(
  { userns }: Pick<RunOptions, "userns">,
  { mapping }: Pick<SpecContext, "mapping">,
): string | undefined {
  if (userns.mode !== "keep-id") return undefined;
  const own = (ranges: IdMapping["uids"], id: number | undefined) =>
    ranges.find(({ host, count }) => count === 1 && host === id)?.container;
  return `${own(mapping.uids, process.geteuid?.())}:${own(mapping.gids, process.getegid?.())}`;
}

/**
 * A path is unmasked by its own name, or by `ALL`.
 * @throws TsboxError `usage` for one that is not masked: an option that does nothing is a mistake (CVE-2025-65105)
 */
function remaining(paths: readonly string[], { privileged, security }: RunOptions): string[] {
  const { unmask, mask } = security;
  if (privileged || unmask.includes("ALL")) return [];
  const idle = unmask.find((path) => !MASKED_PATHS.includes(path) && !READONLY_PATHS.includes(path));
  if (idle !== undefined) {
    throw new TsboxError(
      "usage",
      `cannot use --security-opt unmask=${idle}: it is not masked; ${[...MASKED_PATHS, ...READONLY_PATHS].join(", ")} are, and ALL stands for all`,
    );
  }
  return paths.filter((path) => !unmask.includes(path) || mask.includes(path));
}

function joins({ joinNamespaces = [] }: SpecContext, wanted: NamespaceType): boolean {
  return joinNamespaces.some(({ type }) => type === wanted);
}

function buildLinux(options: RunOptions, context: SpecContext): Linux {
  checkSysctl(Object.keys(options.sysctl), { network: context.newNetwork, ipc: options.ipc !== "host" });
  const types: NamespaceType[] = options.cgroupns === "host" ? ["mount"] : ["mount", "cgroup"];
  if (options.pid === "private") types.push("pid");
  if (options.ipc !== "host") types.push("ipc");
  if (options.uts === "private") types.push("uts");
  if (context.newNetwork) types.push("network");
  const { mapping } = context;
  const joined = context.joinNamespaces ?? [];
  if (mapping.kind !== "none" && joined.length === 0) types.push("user");
  const ids = (ranges: IdMapping["uids"]) =>
    ranges.map(({ container, host, count }) => ({ containerID: container, hostID: host, size: count }));
  return {
    namespaces: [...types.filter((type) => !joins(context, type)).map((type) => ({ type })), ...joined],
    ...(mapping.kind === "none" ? {} : { uidMappings: ids(mapping.uids), gidMappings: ids(mapping.gids) }),
    ...(Object.keys(options.resources).length > 0 ? { resources: options.resources } : {}),
    ...(Object.keys(options.sysctl).length > 0 ? { sysctl: options.sysctl } : {}),
    maskedPaths: [...remaining(MASKED_PATHS, options), ...options.security.mask],
    readonlyPaths: remaining(READONLY_PATHS, options),
  };
}
