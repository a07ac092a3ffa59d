/** `linux.resources` (config-linux.md, "Control groups"). */
import * as v from "valibot";
import { flag, int64, list, map, object, text, textMap, uint16, uint32, uint64 } from "./schema-values.ts";

const device = { major: int64, minor: int64 };
const throttle = v.optional(list(object({ ...device, rate: v.optional(uint64) })));

const memory = object({
  limit: v.optional(int64),
  reservation: v.optional(int64),
  swap: v.optional(int64),
  kernel: v.optional(int64),
  kernelTCP: v.optional(int64),
  swappiness: v.optional(uint64),
  disableOOMKiller: v.optional(flag),
  useHierarchy: v.optional(flag),
  checkBeforeUpdate: v.optional(flag),
});

const cpu = object({
  shares: v.optional(uint64),
  quota: v.optional(int64),
  burst: v.optional(uint64),
  period: v.optional(uint64),
  realtimeRuntime: v.optional(int64),
  realtimePeriod: v.optional(uint64),
  cpus: v.optional(text),
  mems: v.optional(text),
  idle: v.optional(int64),
});

const blockIO = object({
  weight: v.optional(uint16),
  leafWeight: v.optional(uint16),
  weightDevice: v.optional(list(object({ ...device, weight: v.optional(uint16), leafWeight: v.optional(uint16) }))),
  throttleReadBpsDevice: throttle,
  throttleWriteBpsDevice: throttle,
  throttleReadIOPSDevice: throttle,
  throttleWriteIOPSDevice: throttle,
});

const hugepageLimit = object({
  pageSize: v.pipe(text, v.regex(/^[1-9][0-9]*[KMG]B$/, "must be a size such as 2MB")),
  limit: uint64,
});

/** A file of cgroup v2 is a name in the container's own folder of the hierarchy, never a path out of it. */
const unified = v.pipe(
  textMap,
  v.check(
    (files) => Object.keys(files).every((name) => /^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_.-]+)+$/.test(name)),
    "must have names of cgroup files such as memory.high",
  ),
);

export const resources = object({
  devices: v.optional(
    list(
      object({
        allow: flag,
        type: v.optional(text),
        major: v.optional(int64),
        minor: v.optional(int64),
        access: v.optional(v.pipe(text, v.regex(/^[rwm]*$/, "must be of the letters r, w and m"))),
      }),
    ),
  ),
  memory: v.optional(memory),
  cpu: v.optional(cpu),
  pids: v.optional(object({ limit: int64 })),
  blockIO: v.optional(blockIO),
  hugepageLimits: v.optional(list(hugepageLimit)),
  network: v.optional(
    object({ classID: v.optional(uint32), priorities: v.optional(list(object({ name: text, priority: uint32 }))) }),
  ),
  rdma: v.optional(map(object({ hcaHandles: v.optional(uint32), hcaObjects: v.optional(uint32) }))),
  unified: v.optional(unified),
});
