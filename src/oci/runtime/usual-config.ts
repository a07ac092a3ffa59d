/**
 * Whether a config.json has only fields that containers usually have, each of the right type. Such a one is valid by the schemas
 * of `config-schema.ts`, which need not be loaded then: they cost a start more than all else that is done with the file. Anything
 * that is unusual or wrong is left to the schemas, which name the field.
 *
 * **Invariant:** what is accepted here is accepted there, and comes out unchanged (`tests/oci/runtime/usual-config.test.ts`).
 */
import type { RuntimeConfig } from "./types.ts";

type Rule = (value: unknown) => boolean;
type Rules = Readonly<Record<string, Rule>>;

const text: Rule = (value) => typeof value === "string";
const flag: Rule = (value) => typeof value === "boolean";
const absolute: Rule = (value) => typeof value === "string" && value.startsWith("/");
const filled: Rule = (value) => typeof value === "string" && value !== "";

function whole(low: number, high: number): Rule {
  return (value) => Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high; // cast: just seen
}
const uint32 = whole(0, 2 ** 32 - 1);
// up to 2^53: what is larger is unusual, but for the limits that are "infinity"
const int64 = whole(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const uint64: Rule = (value) => int64(value) && (value as number) >= 0; // cast: just seen
const limit: Rule = (value) => uint64(value) || value === 2 ** 64 || value === 2 ** 63;

function list(rule: Rule, least = 0): Rule {
  return (value) => Array.isArray(value) && value.length >= least && value.every(rule);
}
const texts = list(text);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(fields: Rules, ...required: readonly string[]): Rule {
  // without a prototype, so that `constructor` is no rule
  const rules: Rules = Object.assign(Object.create(null), fields);
  return (value) => {
    if (!isObject(value)) return false;
    for (const key in value) if (!rules[key]?.(value[key])) return false;
    for (const key of required) if (value[key] === undefined) return false;
    return true;
  };
}

const plainName = (key: string) => key !== "__proto__" && key !== "prototype" && key !== "constructor";
const textMap: Rule = (value) =>
  isObject(value) && Object.entries(value).every(([key, item]) => plainName(key) && text(item));

/** A list in which no two have the same type. */
function distinct(rule: Rule): Rule {
  const all = list(rule);
  return (value) =>
    all(value) && new Set((value as { type: string }[]).map(({ type }) => type)).size === (value as []).length; // cast: `rule` wants the type
}

function oneOf(words: string): Rule {
  const names = new Set(words.split(" "));
  return (value) => typeof value === "string" && names.has(value);
}

const ids = list(object({ containerID: uint32, hostID: uint32, size: uint32 }, "containerID", "hostID", "size"));

const process = object(
  {
    terminal: flag,
    user: object({ uid: uint32, gid: uint32, umask: uint32, additionalGids: list(uint32) }, "uid", "gid"),
    args: list(text, 1),
    env: texts,
    cwd: absolute,
    capabilities: object({
      bounding: texts,
      effective: texts,
      inheritable: texts,
      permitted: texts,
      ambient: texts,
    }),
    rlimits: distinct(
      object(
        {
          type: (value: unknown) => typeof value === "string" && /^RLIMIT_[A-Z]+$/.test(value),
          soft: limit,
          hard: limit,
        },
        "type",
        "soft",
        "hard",
      ),
    ),
    noNewPrivileges: flag,
    apparmorProfile: text,
    selinuxLabel: text,
    oomScoreAdj: whole(-1000, 1000),
  },
  "user",
  "cwd",
);

const mount = object({ destination: filled, type: text, source: text, options: texts }, "destination");

const device = object(
  {
    type: oneOf("c b u"),
    path: absolute,
    major: int64,
    minor: int64,
    fileMode: whole(0, 0o177777),
    uid: uint32,
    gid: uint32,
  },
  "type",
  "path",
  "major",
  "minor",
);

const deviceRule = object(
  {
    allow: flag,
    type: text,
    major: int64,
    minor: int64,
    access: (value: unknown) => typeof value === "string" && /^[rwm]*$/.test(value),
  },
  "allow",
);

const resources = object({
  devices: list(deviceRule),
  memory: object({ limit: int64, reservation: int64, swap: int64, disableOOMKiller: flag }),
  cpu: object({ shares: uint64, quota: int64, period: uint64, cpus: text, mems: text }),
  blockIO: object({ weight: whole(0, 2 ** 16 - 1) }),
  pids: object({ limit: int64 }, "limit"),
});

const action = oneOf(
  "SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD SCMP_ACT_LOG SCMP_ACT_TRAP",
);
const seccomp = object(
  {
    defaultAction: action,
    defaultErrnoRet: uint32,
    architectures: list(oneOf("SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32 SCMP_ARCH_AARCH64 SCMP_ARCH_ARM")),
    flags: list(oneOf("SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_TSYNC")),
    syscalls: list(
      object(
        {
          names: list(text, 1),
          action,
          errnoRet: uint32,
          args: list(
            object(
              {
                index: whole(0, 5),
                value: uint64,
                valueTwo: uint64,
                op: oneOf("SCMP_CMP_NE SCMP_CMP_LT SCMP_CMP_LE SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_MASKED_EQ"),
              },
              "index",
              "value",
              "op",
            ),
          ),
        },
        "names",
        "action",
      ),
    ),
  },
  "defaultAction",
);

const linux = object({
  namespaces: distinct(
    object(
      {
        type: oneOf("mount pid network uts ipc user cgroup time"),
        path: (value: unknown) => value === "" || absolute(value),
      },
      "type",
    ),
  ),
  uidMappings: ids,
  gidMappings: ids,
  devices: list(device),
  cgroupsPath: text,
  resources,
  rootfsPropagation: oneOf("private shared slave unbindable rprivate rshared rslave runbindable"),
  seccomp,
  sysctl: textMap,
  maskedPaths: list(absolute),
  readonlyPaths: list(absolute),
  mountLabel: text,
});

const hooks = list(object({ path: absolute, args: texts, env: texts, timeout: whole(1, 2 ** 31 - 1) }, "path"));

const config = object(
  {
    ociVersion: (value: unknown) => typeof value === "string" && /^[01]\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(value),
    process,
    root: object({ path: filled, readonly: flag }, "path"),
    hostname: text,
    domainname: text,
    mounts: list(mount),
    hooks: object({
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    }),
    annotations: textMap,
    linux,
  },
  "ociVersion",
  "process",
);

export function isUsualConfig(value: unknown): value is RuntimeConfig {
  return config(value);
}
