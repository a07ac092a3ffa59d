/**
 * config.json (config.md): the official JSON schema, and the rules of the specification's text that a schema can hold.
 * Of platforms other than Linux only what can be wrong in a document that is still meant for Linux is looked at.
 */
import * as v from "valibot";
import { idMappings, linux } from "./linux-schema.ts";
import { IO_CLASSES, SCHEDULER_FLAGS, SCHEDULER_POLICIES } from "./scheduling-names.ts";
import {
  absolutePath,
  between,
  firstRepeated,
  flag,
  int32,
  list,
  object,
  ociVersion,
  oneOf,
  text,
  textMap,
  texts,
  uint8,
  uint32,
  uint64,
} from "./schema-values.ts";

const rlimits = v.pipe(
  list(
    object({
      type: v.pipe(text, v.regex(/^RLIMIT_[A-Z]+$/, "must be a name such as RLIMIT_NOFILE")),
      soft: uint64,
      hard: uint64,
    }),
  ),
  // "If rlimits contains duplicated entries with same type, the runtime MUST generate an error"
  v.check(
    (items) => firstRepeated(items, ({ type }) => type) === undefined,
    ({ input }) => `has ${firstRepeated(input, ({ type }) => type)} twice`,
  ),
);

const scheduler = object({
  policy: oneOf(SCHEDULER_POLICIES),
  nice: v.optional(int32),
  priority: v.optional(int32),
  flags: v.optional(list(oneOf(SCHEDULER_FLAGS))),
  runtime: v.optional(uint64),
  deadline: v.optional(uint64),
  period: v.optional(uint64),
});

const user = object({
  // the schema has no required field here, and runtimes take a missing one for root
  uid: v.optional(uint32, 0),
  gid: v.optional(uint32, 0),
  umask: v.optional(uint32),
  additionalGids: v.optional(list(uint32)),
});

const cpuList = v.optional(v.pipe(text, v.regex(/^[0-9, -]*$/, "must be a list of processors such as 0-3,7")));

export const process = object({
  terminal: v.optional(flag),
  consoleSize: v.optional(object({ height: uint64, width: uint64 })),
  user: v.optional(user, {}),
  args: v.optional(v.pipe(texts, v.minLength(1, "must not be empty"))),
  env: v.optional(texts),
  cwd: absolutePath,
  capabilities: v.optional(
    object({
      bounding: v.optional(texts),
      effective: v.optional(texts),
      inheritable: v.optional(texts),
      permitted: v.optional(texts),
      ambient: v.optional(texts),
    }),
  ),
  rlimits: v.optional(rlimits),
  noNewPrivileges: v.optional(flag),
  apparmorProfile: v.optional(text),
  selinuxLabel: v.optional(text),
  // proc(5), /proc/pid/oom_score_adj
  oomScoreAdj: v.optional(between(-1000, 1000)),
  scheduler: v.optional(scheduler),
  ioPriority: v.optional(
    object({
      class: oneOf(IO_CLASSES),
      priority: v.optional(int32),
    }),
  ),
  execCPUAffinity: v.optional(object({ initial: cpuList, final: cpuList })),
});

/** A destination may be relative to "/", as old tools write it; the specification calls that deprecated, not wrong. */
const mount = object({
  destination: v.pipe(text, v.nonEmpty("must not be empty")),
  type: v.optional(text),
  source: v.optional(text),
  options: v.optional(texts),
  uidMappings: v.optional(idMappings),
  gidMappings: v.optional(idMappings),
});

const hooks = v.optional(
  list(
    object({
      path: absolutePath,
      args: v.optional(texts),
      env: v.optional(texts),
      timeout: v.optional(between(1, 2 ** 31 - 1)),
    }),
  ),
);

const sharing = v.optional(oneOf(["disable", "new", "inherit"]));
const sharingOn = v.optional(oneOf(["new", "inherit"]));
const jail = object({
  host: sharingOn,
  vnet: sharingOn,
  ip4: sharing,
  ip6: sharing,
  sysvmsg: sharing,
  sysvsem: sharing,
  sysvshm: sharing,
  enforceStatfs: v.optional(uint8),
});

const root = object({ path: v.pipe(text, v.nonEmpty("must not be empty")), readonly: v.optional(flag) });

export const runtimeConfig = object({
  ociVersion,
  process: v.optional(process),
  root: v.optional(root),
  hostname: v.optional(text),
  domainname: v.optional(text),
  mounts: v.optional(list(mount)),
  hooks: v.optional(
    object({
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    }),
  ),
  annotations: v.optional(textMap),
  linux: v.optional(linux),
  freebsd: v.optional(object({ jail: v.optional(jail) })),
});
