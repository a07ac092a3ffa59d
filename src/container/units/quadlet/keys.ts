/** Keys of quadlet files, and the flags that they stand for. podman-systemd.unit(5) */
import { TsboxError } from "../../../error.ts";
import { splitWords, type UnitEntry } from "../unit-file.ts";

/**
 * How a key becomes flags: the last value (`one`), each value (`each`), each word of each value (`words`), true or false (`bool`),
 * words that are not of a flag (`raw`), or by code (`own`). `none`: podman has it, tsbox has nothing for it.
 */
export type KeyKind = "one" | "each" | "words" | "bool" | "raw" | "own" | "none";

export type KeyTable = Readonly<Record<string, readonly [kind: KeyKind, flag?: string]>>;

const HEALTH: KeyTable = {
  HealthCmd: ["one", "health-cmd"],
  HealthInterval: ["one", "health-interval"],
  HealthRetries: ["one", "health-retries"],
  HealthStartPeriod: ["one", "health-start-period"],
  HealthTimeout: ["one", "health-timeout"],
  HealthLogDestination: ["none"],
  HealthMaxLogCount: ["none"],
  HealthMaxLogSize: ["none"],
  HealthOnFailure: ["none"],
  HealthStartupCmd: ["none"],
  HealthStartupInterval: ["none"],
  HealthStartupRetries: ["none"],
  HealthStartupSuccess: ["none"],
  HealthStartupTimeout: ["none"],
};

const EVERYWHERE: KeyTable = {
  ServiceName: ["own"],
  PodmanArgs: ["raw"],
  GlobalArgs: ["own"],
  ContainersConfModule: ["none"],
};

export const CONTAINER_KEYS: KeyTable = {
  ...EVERYWHERE,
  ...HEALTH,
  AddCapability: ["words", "cap-add"],
  AddDevice: ["own"],
  AddHost: ["each", "add-host"],
  Annotation: ["words", "annotation"],
  AppArmor: ["none"],
  AutoUpdate: ["none"],
  CgroupsMode: ["own"],
  ContainerName: ["own"],
  DNS: ["each", "dns"],
  DNSOption: ["each", "dns-option"],
  DNSSearch: ["each", "dns-search"],
  DropCapability: ["words", "cap-drop"],
  Entrypoint: ["one", "entrypoint"],
  Environment: ["words", "env"],
  EnvironmentFile: ["own"],
  EnvironmentHost: ["none"],
  Exec: ["own"],
  ExposeHostPort: ["each", "expose"],
  GIDMap: ["none"],
  Group: ["own"],
  GroupAdd: ["each", "group-add"],
  HostName: ["one", "hostname"],
  HttpProxy: ["none"],
  Image: ["own"],
  IP: ["one", "ip"],
  IP6: ["none"],
  Label: ["words", "label"],
  LogDriver: ["one", "log-driver"],
  LogOpt: ["each", "log-opt"],
  Mask: ["own"],
  Memory: ["one", "memory"],
  Mount: ["own"],
  Network: ["own"],
  NetworkAlias: ["each", "network-alias"],
  NoNewPrivileges: ["own"],
  Notify: ["own"],
  PidsLimit: ["one", "pids-limit"],
  Pod: ["own"],
  PublishPort: ["each", "publish"],
  Pull: ["one", "pull"],
  ReadOnly: ["bool", "read-only"],
  ReadOnlyTmpfs: ["none"],
  ReloadCmd: ["own"],
  ReloadSignal: ["own"],
  Retry: ["none"],
  RetryDelay: ["none"],
  Rootfs: ["own"],
  RunInit: ["bool", "init"],
  SeccompProfile: ["own"],
  Secret: ["each", "secret"],
  SecurityLabelDisable: ["none"],
  SecurityLabelFileType: ["none"],
  SecurityLabelLevel: ["none"],
  SecurityLabelNested: ["none"],
  SecurityLabelType: ["none"],
  ShmSize: ["one", "shm-size"],
  StartWithPod: ["own"],
  StopSignal: ["one", "stop-signal"],
  StopTimeout: ["own"],
  SubGIDMap: ["none"],
  SubUIDMap: ["none"],
  Sysctl: ["words", "sysctl"],
  Timezone: ["none"],
  Tmpfs: ["each", "tmpfs"],
  UIDMap: ["none"],
  Ulimit: ["each", "ulimit"],
  Unmask: ["own"],
  User: ["own"],
  UserNS: ["one", "userns"],
  Volume: ["own"],
  WorkingDir: ["one", "workdir"],
};

export const VOLUME_KEYS: KeyTable = {
  ...EVERYWHERE,
  Copy: ["none"],
  Device: ["own"],
  Driver: ["one", "driver"],
  Group: ["none"],
  Image: ["none"],
  Label: ["words", "label"],
  Options: ["own"],
  Type: ["own"],
  User: ["none"],
  VolumeName: ["own"],
};

export const NETWORK_KEYS: KeyTable = {
  ...EVERYWHERE,
  DisableDNS: ["bool", "disable-dns"],
  DNS: ["none"],
  Driver: ["one", "driver"],
  Gateway: ["each", "gateway"],
  InterfaceName: ["none"],
  Internal: ["bool", "internal"],
  IPAMDriver: ["none"],
  IPRange: ["each", "ip-range"],
  IPv6: ["none"],
  Label: ["words", "label"],
  NetworkDeleteOnStop: ["own"],
  NetworkName: ["own"],
  Options: ["each", "opt"],
  Subnet: ["each", "subnet"],
};

export const POD_KEYS: KeyTable = {
  ...EVERYWHERE,
  AddHost: ["each", "add-host"],
  DNS: ["each", "dns"],
  DNSOption: ["each", "dns-option"],
  DNSSearch: ["each", "dns-search"],
  ExitPolicy: ["none"],
  GIDMap: ["none"],
  HostName: ["one", "hostname"],
  IP: ["one", "ip"],
  IP6: ["none"],
  Label: ["words", "label"],
  Network: ["own"],
  NetworkAlias: ["each", "network-alias"],
  PodName: ["own"],
  PublishPort: ["each", "publish"],
  ShmSize: ["none"],
  StopTimeout: ["own"],
  SubGIDMap: ["none"],
  SubUIDMap: ["none"],
  UIDMap: ["none"],
  UserNS: ["one", "userns"],
  Volume: ["none"],
};

export const KUBE_KEYS: KeyTable = {
  ...EVERYWHERE,
  AutoUpdate: ["none"],
  ConfigMap: ["own"],
  ExitCodePropagation: ["none"],
  KubeDownForce: ["own"],
  LogDriver: ["none"],
  Network: ["own"],
  PublishPort: ["each", "publish"],
  SetWorkingDirectory: ["own"],
  UserNS: ["one", "userns"],
  Yaml: ["own"],
};

export const IMAGE_KEYS: KeyTable = {
  ...EVERYWHERE,
  AllTags: ["none"],
  Arch: ["own"],
  AuthFile: ["one", "authfile"],
  CertDir: ["one", "cert-dir"],
  Creds: ["none"],
  DecryptionKey: ["none"],
  Image: ["own"],
  ImageTag: ["own"],
  OS: ["own"],
  Policy: ["none"],
  Retry: ["none"],
  RetryDelay: ["none"],
  TLSVerify: ["bool", "tls-verify"],
  Variant: ["own"],
};

/** @throws TsboxError naming file and line: of a key that there is not, or that tsbox has nothing for */
export function checkKeys(entries: readonly UnitEntry[], table: KeyTable, section: string): void {
  for (const { key, place, value } of entries) {
    const entry = Object.hasOwn(table, key) ? table[key] : undefined;
    if (entry === undefined)
      throw new TsboxError("invalid", `cannot use ${place}: there is no key ${key} in [${section}]`);
    if (entry[0] === "none" && value !== "")
      throw new TsboxError("unsupported", `cannot use ${place}: tsbox has nothing for ${key} yet`);
  }
}

/** The values of a key. An empty one takes those before it away, as everywhere in units. */
export function valuesOf(entries: readonly UnitEntry[], key: string): UnitEntry[] {
  const found = entries.filter((entry) => entry.key === key);
  return found.slice(found.findLastIndex(({ value }) => value === "") + 1);
}

export function lastValue(entries: readonly UnitEntry[], key: string): string | undefined {
  return valuesOf(entries, key).at(-1)?.value;
}

/** @throws TsboxError `invalid` naming file and line */
export function boolValue(entries: readonly UnitEntry[], key: string): boolean | undefined {
  const entry = valuesOf(entries, key).at(-1);
  if (entry === undefined) return undefined;
  const text = entry.value.toLowerCase();
  if (["1", "yes", "y", "true", "t", "on"].includes(text)) return true;
  if (["0", "no", "n", "false", "f", "off"].includes(text)) return false;
  throw new TsboxError("invalid", `cannot use ${entry.place}: ${entry.value} is neither true nor false`);
}

/** The flags of all keys that need no code of their own, in the order of the table. */
export function flagsOf(entries: readonly UnitEntry[], table: KeyTable): string[] {
  const present = new Set(entries.map(({ key }) => key));
  return Object.entries(table).flatMap(([key, [kind, flag]]) => {
    if (!present.has(key)) return [];
    const values = valuesOf(entries, key);
    switch (kind) {
      case "one":
        return values.slice(-1).map(({ value }) => `--${flag}=${value}`);
      case "each":
        return values.map(({ value }) => `--${flag}=${value}`);
      case "words":
        return values.flatMap((entry) => splitWords(entry).map((word) => `--${flag}=${word}`));
      case "bool": {
        const value = boolValue(entries, key);
        return value === undefined ? [] : [`--${flag}=${value}`];
      }
      case "raw":
        return values.flatMap(splitWords);
      default:
        return [];
    }
  });
}
