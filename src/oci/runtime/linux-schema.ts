/** `linux` of config.json (config-linux.md). */
import * as v from "valibot";
import { resources } from "./resources-schema.ts";
import {
  absolutePath,
  between,
  firstRepeated,
  flag,
  int64,
  list,
  namedMap,
  object,
  oneOf,
  text,
  textMap,
  texts,
  uint32,
} from "./schema-values.ts";
import { seccomp } from "./seccomp-schema.ts";

export const namespaceType = oneOf(["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"]);

export const idMappings = list(object({ containerID: uint32, hostID: uint32, size: uint32 }));

/** "If a namespaces field contains duplicated namespaces with same type, the runtime MUST generate an error." */
const namespaces = v.pipe(
  list(
    object({
      type: namespaceType,
      path: v.optional(v.union([v.literal(""), absolutePath], "must be an absolute path")),
    }),
  ),
  v.check(
    (items) => firstRepeated(items, ({ type }) => type) === undefined,
    ({ input }) => `has ${firstRepeated(input, ({ type }) => type)} twice`,
  ),
);

const device = v.pipe(
  object({
    type: oneOf(["c", "b", "u", "p"]),
    path: absolutePath,
    major: v.optional(int64),
    minor: v.optional(int64),
    // The schema of the specification allows permissions only; podman writes stat(2)'s st_mode, the type of the file included.
    fileMode: v.optional(between(0, 0o177777)),
    uid: v.optional(uint32),
    gid: v.optional(uint32),
  }),
  v.check(
    ({ type, major, minor }) => type === "p" || (major !== undefined && minor !== undefined),
    "must have major and minor numbers",
  ),
);

/** What dev_valid_name() of Linux takes, and a length that fits IFNAMSIZ. */
const interfaceName = v.pipe(
  text,
  v.regex(/^(?!\.{1,2}$)[^\s/:\0]{1,15}$/, "must be the name of a network device, of at most 15 letters"),
);

const offset = v.optional(object({ secs: v.optional(int64), nanosecs: v.optional(between(0, 999_999_999)) }));

const memoryPolicy = object({
  mode: v.optional(
    oneOf([
      "MPOL_DEFAULT",
      "MPOL_BIND",
      "MPOL_INTERLEAVE",
      "MPOL_WEIGHTED_INTERLEAVE",
      "MPOL_PREFERRED",
      "MPOL_PREFERRED_MANY",
      "MPOL_LOCAL",
    ]),
  ),
  nodes: v.optional(text),
  flags: v.optional(list(oneOf(["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]))),
});

const intelRdt = object({
  closID: v.optional(
    // a folder below the root of resctrl, so neither a path nor a name with a meaning of its own
    v.pipe(text, v.regex(/^(\/|(?!\.{0,2}$)[^/\0]+)$/, "must be the name of a folder or /")),
  ),
  schemata: v.optional(texts),
  l3CacheSchema: v.optional(text),
  memBwSchema: v.optional(v.pipe(text, v.regex(/^MB:[^\n]*$/, "must be one line that begins with MB:"))),
  enableMonitoring: v.optional(flag),
});

export const linux = object({
  namespaces: v.optional(namespaces),
  uidMappings: v.optional(idMappings),
  gidMappings: v.optional(idMappings),
  timeOffsets: v.optional(object({ boottime: offset, monotonic: offset })),
  devices: v.optional(list(device)),
  netDevices: v.optional(namedMap(interfaceName, object({ name: v.optional(interfaceName) }))),
  cgroupsPath: v.optional(text),
  resources: v.optional(resources),
  // the recursive names are not the specification's, but runc and crun take them, and engines write them
  rootfsPropagation: v.optional(
    oneOf(["private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"]),
  ),
  seccomp: v.optional(seccomp),
  sysctl: v.optional(textMap),
  maskedPaths: v.optional(list(absolutePath)),
  readonlyPaths: v.optional(list(absolutePath)),
  mountLabel: v.optional(text),
  personality: v.optional(object({ domain: v.optional(oneOf(["LINUX", "LINUX32"])), flags: v.optional(texts) })),
  intelRdt: v.optional(intelRdt),
  memoryPolicy: v.optional(memoryPolicy),
});
