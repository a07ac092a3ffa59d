/** An image's configuration and a person's options as config.json (runtime-spec 1.3): Docker's meanings, complete enough for any runtime. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import type { ContainerDefaults, Linux, Mount, NamespaceType, Process, RuntimeConfig } from "../../oci/index.ts";
import { chooseCapabilities } from "./capabilities.ts";
import { mergeEnv } from "./environment.ts";
import type { RunOptions } from "./options.ts";
import type { ReadImageFile } from "./user.ts";
import { resolveUser } from "./user.ts";

export const SPEC_VERSION = "1.3.0";

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
  /** Host paths of /etc/resolv.conf, /etc/hosts and /etc/hostname for the container. */
  readonly files: Readonly<Record<string, string>>;
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
    ...(options.uts === "host" ? {} : { hostname: context.hostname }),
    mounts: buildMounts(options, context),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    linux: buildLinux(options, context),
  };
}

function buildProcess(options: RunOptions, defaults: ContainerDefaults, context: SpecContext): Process {
  const user = resolveUser(options.user ?? keptUser(options, context) ?? defaults.User ?? "", options.groups, context.readFile);
  const capabilities = chooseCapabilities(options.capAdd, options.capDrop, options.privileged);
  const ofRoot = user.uid === 0 ? capabilities : [];
  const base = [DEFAULT_PATH, `HOSTNAME=${context.hostname}`, ...(options.tty ? ["TERM=xterm"] : [])];
  const given = mergeEnv(base, defaults.Env ?? [], options.env);
  const env = given.some((entry) => entry.startsWith("HOME=")) ? given : [...given, `HOME=${user.home ?? "/"}`];
  const cwd = options.workdir ?? (defaults.WorkingDir || "/");
  if (!cwd.startsWith("/"))
    throw new TsboxError("usage", `cannot run in ${JSON.stringify(cwd)}: the working folder must be an absolute path`);
  const groups = context.mapping.kind === "single" ? [] : user.groups;
  return {
    terminal: options.tty,
    user: { uid: user.uid, gid: user.gid, umask: 0o022, ...(groups.length > 0 ? { additionalGids: groups } : {}) },
    args: commandLine(options, defaults),
    env,
    cwd,
    // nothing inheritable (CVE-2022-29162, CVE-2022-27649); a user who is not root starts without any, as in Docker
    capabilities: { bounding: capabilities, effective: ofRoot, permitted: ofRoot, inheritable: [], ambient: [] },
    noNewPrivileges: options.security.noNewPrivileges,
    ...(options.rlimits.length > 0 ? { rlimits: options.rlimits } : {}),
  };
}

/** With --userns=keep-id the program runs as the caller's own id, unless another user is asked for. */
function keptUser({ userns }: RunOptions, { mapping }: SpecContext): string | undefined {
  if (userns.mode !== "keep-id") return undefined;
  const own = (ranges: IdMapping["uids"], id: number | undefined) => ranges.find(({ host, count }) => count === 1 && host === id)?.container;
  return `${own(mapping.uids, process.geteuid?.())}:${own(mapping.gids, process.getegid?.())}`;
}

function buildMounts(options: RunOptions, context: SpecContext): Mount[] {
  // the group "tty" of every distribution; without subordinate ids there is no such group
  const tty = context.mapping.gids.some(({ container, count }) => container <= 5 && 5 < container + count)
    ? ["gid=5"]
    : [];
  const sysAccess = options.privileged ? "rw" : "ro";
  const mounts: Mount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...tty],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", sysAccess] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${options.shmSize}`],
    },
  ];
  if (options.ipc === "host") mounts.splice(4, 2, bind("/dev/mqueue", "/dev/mqueue"), bind("/dev/shm", "/dev/shm"));
  if (context.unifiedCgroups) {
    mounts.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
    });
  }
  for (const [destination, source] of Object.entries(context.files)) mounts.push(bind(source, destination));
  for (const path of context.privilegedDevices)
    mounts.push({ ...bind(path, path), options: ["bind", "rprivate", "nosuid", "noexec"] });
  for (const { type, source, destination, options: given } of options.mounts) {
    if (type === "bind") mounts.push({ destination, type: "bind", source, options: given });
    if (type === "tmpfs") mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: given });
  }
  // a later mount at the same place is the one that counts
  const seen = new Set<string>();
  const kept = mounts
    .toReversed()
    .filter(({ destination }) => !seen.has(destination) && seen.add(destination) !== undefined);
  return kept.reverse();
}

function bind(source: string, destination: string): Mount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate"] };
}

/** A path is unmasked by its own name, or by `ALL`. */
function remaining(paths: readonly string[], options: RunOptions): string[] {
  const { unmask, mask } = options.security;
  if (options.privileged || unmask.includes("ALL")) return [];
  return paths.filter((path) => !unmask.some((given) => given === path) || mask.includes(path));
}

/** Kernel settings that belong to a namespace, so that a container may have its own (what Docker allows). */
function checkSysctl(options: RunOptions, newNetwork: boolean): void {
  const ipc = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;
  for (const name of Object.keys(options.sysctl)) {
    const dotted = name.replaceAll("/", ".");
    if (dotted.startsWith("net.") && newNetwork) continue;
    if (ipc.test(dotted) && options.ipc !== "host") continue;
    const reason =
      dotted.startsWith("net.") || ipc.test(dotted)
        ? "the container shares the host's namespace for it"
        : "it is not of a namespace, so it would change the host";
    throw new TsboxError("usage", `cannot set --sysctl ${name}: ${reason}`);
  }
}

function buildLinux(options: RunOptions, context: SpecContext): Linux {
  checkSysctl(options, context.newNetwork);
  const types: NamespaceType[] = ["mount", "cgroup"];
  if (options.pid === "private") types.push("pid");
  if (options.ipc === "private") types.push("ipc");
  if (options.uts === "private") types.push("uts");
  if (context.newNetwork) types.push("network");
  const { mapping } = context;
  if (mapping.kind !== "none") types.push("user");
  const ids = (ranges: IdMapping["uids"]) =>
    ranges.map(({ container, host, count }) => ({ containerID: container, hostID: host, size: count }));
  return {
    namespaces: types.map((type) => ({ type })),
    ...(mapping.kind === "none" ? {} : { uidMappings: ids(mapping.uids), gidMappings: ids(mapping.gids) }),
    ...(Object.keys(options.resources).length > 0 ? { resources: options.resources } : {}),
    ...(Object.keys(options.sysctl).length > 0 ? { sysctl: options.sysctl } : {}),
    maskedPaths: [...remaining(MASKED_PATHS, options), ...options.security.mask],
    readonlyPaths: remaining(READONLY_PATHS, options),
  };
}
