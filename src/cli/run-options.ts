/** The command line of `tsbox run` as options: every value is parsed here, once. */

import type {
  CgroupsMode,
  IpcChoice,
  LogOptions,
  NamespaceChoice,
  PidChoice,
  PullPolicy,
  RunOptions,
  SdNotify,
  SecurityOptions,
  StorageDriver,
} from "../container/index.ts";
import { parseEnv } from "../container/spec/environment.ts";
import { TsboxError } from "../error.ts";
import { currentCaller, parseUserns, type UsernsMode } from "../idmap/index.ts";
import { checkExposed, parseAddHost, parseNetworks, parsePublish } from "../network/index.ts";
import { type LinuxResources, parsePlatform } from "../oci/index.ts";
import { all, isOn, last, type ParsedArgs } from "./args.ts";

const DEFAULT_LOG: LogOptions = { driver: "json-file", maxSize: 0, maxFile: 1, tag: undefined };
const DEFAULT_SHM = 64 * 2 ** 20;

/** Loaded only when there is a flag whose value it reads. */
function values() {
  return require("../container/flags/index.ts") as typeof import("../container/flags/index.ts");
}

/** What is only of containers with limits. */
function limits() {
  return require("./limit-flags.ts") as typeof import("./limit-flags.ts");
}

/** What is only of containers that stay. */
function stays() {
  return require("./run-stays.ts") as typeof import("./run-stays.ts");
}

function oneOf<T extends string>(args: ParsedArgs, name: string, allowed: readonly T[], fallback: T): T {
  const value = last(args, name) ?? fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new TsboxError("usage", `cannot use --${name} ${value}: it is not one of ${allowed.join(", ")}`);
}

function optional<T>(value: string | undefined, parse: (text: string) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}

function pairs(args: ParsedArgs, name: string): Record<string, string> {
  return Object.fromEntries(all(args, name).map((text) => values().parsePair(text, `--${name}`)));
}

/** @throws TsboxError `usage` or `unsupported`, naming the flag */
export function readRunOptions(
  args: ParsedArgs,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): RunOptions {
  const rootfs = last(args, "rootfs");
  const [first, ...rest] = args.positionals;
  if (rootfs === undefined && first === undefined) {
    throw new TsboxError("usage", "cannot run: no image given; see tsbox run --help");
  }
  const mounts = [
    ...all(args, "volume").map((text) => values().parseVolume(text, cwd)),
    ...all(args, "mount").map((text) => values().parseMount(text, cwd)),
    ...all(args, "tmpfs").map((text) => values().parseTmpfs(text)),
    ...all(args, "device").map((text) => values().parseDevice(text)),
  ];
  const fromFiles = all(args, "env-file").flatMap((path) =>
    values().parseEnvFile(values().readFlagFile(path, "--env-file"), path, env),
  );
  const userns = parseUserns(last(args, "userns") ?? "auto");
  const given = all(args, "env").map((text) => parseEnv(text, env));
  if (["rootfs", "replace", "detach-keys", "restart"].some((name) => args.flags.has(name))) stays().refuseIdle(args);
  if (last(args, "uts") === "host" && last(args, "hostname"))
    throw new TsboxError("usage", "cannot use --hostname with --uts=host: the name is the host's");
  if (last(args, "ipc") === "host" && args.flags.has("shm-size"))
    throw new TsboxError("usage", "cannot use --shm-size with --ipc=host: /dev/shm is the host's");
  if (last(args, "ipc") === "none" && args.flags.has("shm-size"))
    throw new TsboxError("usage", "cannot use --shm-size with --ipc=none: there is no /dev/shm then");
  if (isOn(args, "replace") && !last(args, "name"))
    throw new TsboxError("usage", "cannot use --replace without --name: it removes the container that has the name");
  return {
    detach: isOn(args, "detach"),
    detachKeys: last(args, "detach-keys"),
    replace: isOn(args, "replace"),
    // that of the configuration gives way to --rm
    restart: isOn(args, "rm") ? undefined : optional(last(args, "restart"), (text) => stays().parseRestart(text)),
    log: args.flags.has("log-driver") || args.flags.has("log-opt") ? stays().readLog(args) : DEFAULT_LOG,
    health: [...args.flags.keys()].some((name) => name.includes("health")) ? stays().readHealth(args) : undefined,
    sdnotify: args.flags.has("sdnotify")
      ? oneOf<SdNotify>(args, "sdnotify", ["conmon", "container", "healthy", "ignore"], "conmon")
      : undefined,
    cgroups: args.flags.has("cgroups")
      ? oneOf<CgroupsMode>(args, "cgroups", ["enabled", "disabled", "no-conmon", "split"], "enabled")
      : undefined,
    stopTimeout: optional(last(args, "stop-timeout"), (text) => stays().parseSeconds(text, "--stop-timeout")),
    networkName: args.flags.has("network") ? all(args, "network").join(" ") : undefined,
    image: rootfs === undefined ? first : undefined,
    rootfs,
    command: rootfs === undefined ? rest : args.positionals,
    interactive: isOn(args, "interactive"),
    tty: isOn(args, "tty"),
    remove: isOn(args, "rm"),
    init: isOn(args, "init"),
    readOnly: isOn(args, "read-only"),
    privileged: isOn(args, "privileged"),
    // empty is as if it had not been given, as in Docker: scripts pass variables
    name: last(args, "name") || undefined,
    hostname: optional(last(args, "hostname") || undefined, checkHostname),
    user: last(args, "user") || keptUser(userns),
    groups: all(args, "group-add"),
    accounts: ["passwd", "passwd-entry", "group-entry"].some((name) => args.flags.has(name))
      ? stays().readAccounts(args)
      : undefined,
    workdir: last(args, "workdir") || undefined,
    entrypoint: last(args, "entrypoint"),
    env: [...fromFiles, ...given],
    mounts,
    volumesFrom: all(args, "volumes-from").map((text) => values().parseVolumesFrom(text)),
    secrets: all(args, "secret").map((text) => values().parseSecret(text)),
    shmSize: optional(last(args, "shm-size"), (text) => values().parseBytes(text, "--shm-size")) ?? DEFAULT_SHM,
    capAdd: all(args, "cap-add").flatMap((text) => text.split(",")),
    capDrop: all(args, "cap-drop").flatMap((text) => text.split(",")),
    security: readSecurity(all(args, "security-opt")),
    network: parseNetworks(all(args, "network"), {
      ip: last(args, "ip"),
      mac: last(args, "mac-address"),
      aliases: all(args, "network-alias"),
    }),
    publish: all(args, "publish").map(parsePublish),
    publishAll: isOn(args, "publish-all"),
    expose: all(args, "expose").map(checkExposed),
    dns: { servers: all(args, "dns"), search: all(args, "dns-search"), options: all(args, "dns-option") },
    addHosts: all(args, "add-host").map(parseAddHost),
    rlimits: all(args, "ulimit").map((text) => values().parseUlimit(text)),
    sysctl: pairs(args, "sysctl"),
    pid: readPid(args),
    ipc: oneOf<IpcChoice>(args, "ipc", ["private", "host", "none"], "private"),
    uts: oneOf<NamespaceChoice>(args, "uts", ["private", "host"], "private"),
    cgroupns: args.flags.has("cgroupns")
      ? oneOf<NamespaceChoice>(args, "cgroupns", ["private", "host"], "private")
      : undefined,
    stopSignal: optional(last(args, "stop-signal"), (text) => values().parseSignal(text)),
    resources: readResources(args),
    domainname: last(args, "domainname"),
    oomScoreAdj: optional(last(args, "oom-score-adj"), (text) => limits().parseOomScore(text)),
    umask: optional(last(args, "umask"), (text) => limits().parseUmask(text)),
    labels: readLabels(args),
    annotations: pairs(args, "annotation"),
    cidFile: last(args, "cidfile"),
    pull: oneOf<PullPolicy>(args, "pull", ["missing", "always", "never", "newer"], "missing"),
    platform: optional(last(args, "platform") || undefined, parsePlatform),
    userns,
    storageDriver:
      last(args, "storage-driver") === undefined
        ? undefined
        : oneOf<StorageDriver>(args, "storage-driver", ["overlay", "fuse-overlayfs", "copy"], "overlay"),
    tlsVerify: last(args, "tls-verify") === undefined ? undefined : isOn(args, "tls-verify"),
    authFile: last(args, "authfile"),
    certDir: last(args, "cert-dir"),
    pod: last(args, "pod"),
  };
}

function readPid(args: ParsedArgs): PidChoice {
  const [, name] = /^container:(.+)$/.exec(last(args, "pid") ?? "") ?? [];
  if (name === undefined) return oneOf<PidChoice>(args, "pid", ["private", "host", "container:ID"], "private");
  if (args.flags.has("pod"))
    throw new TsboxError(
      "unsupported",
      "cannot use --pid=container: with --pod: a container is in one user namespace, and those are two",
    );
  return `container:${name}`;
}

/** With keep-id the program is the caller, whoever the image says it is. */
function keptUser(userns: UsernsMode): string | undefined {
  if (userns.mode !== "keep-id") return undefined;
  const { uid, gid } = currentCaller();
  return `${userns.uid ?? uid}:${userns.gid ?? gid}`;
}

/** What sethostname(2) takes, and no line break or blank that would make another line of /etc/hosts. */
export function checkHostname(name: string): string {
  if (/^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9])?$/.test(name)) return name;
  throw new TsboxError(
    "usage",
    `cannot use --hostname ${JSON.stringify(name)}: a host name has up to 64 letters, digits, "-", "_" and "."`,
  );
}

const LIMITS =
  "memory memory-swap memory-reservation cpus cpu-shares cpu-period cpu-quota cpuset-cpus cpuset-mems blkio-weight pids-limit";

function readResources(args: ParsedArgs): LinuxResources {
  return LIMITS.split(" ").some((name) => args.flags.has(name)) ? limits().readFirstLimits(args) : {};
}

/** Later ones count more, and the command line's more than files'. */
function readLabels(args: ParsedArgs): Record<string, string> {
  const labels = pairs(args, "label");
  const files = all(args, "label-file");
  return files.length === 0 ? labels : { ...stays().readLabelFiles(files), ...labels };
}

/** An option that would silently do nothing is an error (CVE-2025-65105, CVE-2025-64750). */
function readSecurity(options: readonly string[]): SecurityOptions {
  let seccomp: string | undefined;
  let noNewPrivileges = true;
  let apparmor: string | undefined;
  const mask: string[] = [];
  const unmask: string[] = [];
  for (const option of options) {
    const at = option.search(/[=:]/);
    const key = at < 0 ? option : option.slice(0, at);
    const value = at < 0 ? undefined : option.slice(at + 1);
    const fail = (reason: string) => new TsboxError("usage", `cannot use --security-opt ${option}: ${reason}`);
    if (key === "no-new-privileges") {
      if (value !== undefined && value !== "true" && value !== "false") throw fail("expected true or false");
      noNewPrivileges = value !== "false";
    } else if (value === undefined || value === "") throw fail("expected NAME=VALUE");
    else if (key === "seccomp") seccomp = value === "default" || value === "builtin" ? undefined : value;
    else if (key === "mask") mask.push(...value.split(":"));
    else if (key === "unmask")
      unmask.push(...value.split(":").map((path) => (path.toUpperCase() === "ALL" ? "ALL" : path)));
    else if (key === "apparmor") apparmor = value === "unconfined" ? undefined : value;
    else if (key === "systempaths" && value === "unconfined") unmask.push("ALL");
    else if (key === "label" || key === "systempaths") {
      // no container of tsbox has an SELinux label
      if (option !== "label=disable" && option !== "label:disable")
        throw new TsboxError("unsupported", `cannot use --security-opt ${option}: ${key} is not built yet`);
    } else throw fail(`there is no option ${JSON.stringify(key)}`);
  }
  for (const path of [...mask, ...unmask]) {
    if (path !== "ALL" && !path.startsWith("/"))
      throw new TsboxError("usage", `cannot use --security-opt: ${JSON.stringify(path)} is not an absolute path`);
  }
  return { seccomp, noNewPrivileges, apparmor, mask, unmask };
}
