/** `linux.resources` as values for the files of cgroup v2. runtime-spec config-linux.md; kernel, cgroup-v2.rst. */
import { TsboxError } from "../../error.ts";
import type { LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxResources } from "../../oci/index.ts";

/** A file of the cgroup and what is written to it, in the order in which it is written. */
export interface CgroupSetting {
  readonly file: string;
  readonly value: string;
  /** The field of config.json, for messages. */
  readonly field: string;
  /** Written instead where the kernel lacks `file`. */
  readonly instead?: { readonly file: string; readonly value: string };
  /** Nothing is lost where the kernel lacks the file: the value is what is so anyway. */
  readonly optional?: boolean;
  /** Where the kernel refuses the value now (EINVAL), it is written once more after all others. */
  readonly retry?: boolean;
}

type Set = (file: string, value: string | undefined, field: string, more?: Partial<CgroupSetting>) => void;

function invalid(what: string): TsboxError {
  return new TsboxError("invalid", `cannot limit ${what}`);
}

function unsupported(field: string, reason: string): TsboxError {
  return new TsboxError("unsupported", `cannot limit linux.resources.${field}: ${reason}`);
}

/** cpu.shares (2 to 262144) as cpu.weight (1 to 10000), by the formula that runc and systemd use. */
export function weightOfShares(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor(((bounded - 2) * 9999) / 262142);
}

/** blockIO.weight (10 to 1000) as io.weight (1 to 10000). */
export function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/** Decimal digits, however large; negative is no limit. */
function maximum(value: number): string {
  return value < 0 ? "max" : BigInt(value).toString();
}

/**
 * What was asked for, in the order in which the kernel takes it. 0 is "not asked for" where runc has it so.
 *
 * @param memoryLimit what `memory.max` is, in bytes (-1 for no limit), for an update that sets memory.swap alone
 * @throws TsboxError `unsupported` for what cgroup v2 does not have, `invalid` for a contradiction
 */
export function cgroupSettings(resources: LinuxResources | undefined, memoryLimit?: number): CgroupSetting[] {
  const settings: CgroupSetting[] = [];
  const set: Set = (file, value, field, more) => {
    if (value !== undefined) settings.push({ file, value, field: `linux.resources.${field}`, ...more });
  };
  if (resources === undefined) return settings;
  const { pids, network, unified } = resources;
  if (network?.classID) throw unsupported("network.classID", "cgroup v2 has no net_cls; use nftables' socket cgroupv2");
  if (network?.priorities !== undefined && network.priorities.length > 0) {
    throw unsupported("network.priorities", "cgroup v2 has no net_prio; use nftables' socket cgroupv2");
  }
  if (resources.memory !== undefined) addMemory(resources.memory, memoryLimit, set);
  if (resources.cpu !== undefined) addCpu(resources.cpu, set);
  if (pids?.limit !== undefined && pids.limit !== 0) set("pids.max", maximum(pids.limit), "pids.limit");
  if (resources.blockIO !== undefined) addBlockIO(resources.blockIO, set);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    const field = `hugepageLimits["${pageSize}"]`;
    set(`hugetlb.${pageSize}.max`, maximum(limit), field);
    // what is reserved but not touched yet; since Linux 5.7
    set(`hugetlb.${pageSize}.rsvd.max`, maximum(limit), field, { optional: true });
  }
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    const values = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    if (values.length > 0) set("rdma.max", `${device} ${values.join(" ")}`, `rdma["${device}"]`);
  }
  for (const [file, value] of Object.entries(unified ?? {})) {
    if (file.includes("/") || !file.includes(".")) {
      throw new TsboxError("invalid", `cannot set linux.resources.unified: "${file}" is not a file of a cgroup`);
    }
    // these move or end processes, and would do so to those of the host
    if (["cgroup.procs", "cgroup.threads", "cgroup.kill"].includes(file)) {
      throw new TsboxError("invalid", `cannot set linux.resources.unified: "${file}" is no limit`);
    }
    // files with a line for each device take one line at a time
    for (const line of value.split("\n").filter((text) => text !== "")) set(file, line, `unified["${file}"]`);
  }
  return settings;
}

/** Kernel memory, swappiness and the switch of the OOM killer do not exist in v2; runc passes over them too, and Docker always sends some. */
function addMemory({ limit, swap, reservation }: LinuxMemory, current: number | undefined, set: Set): void {
  if (swap !== undefined && swap !== 0) {
    // the field counts memory and swap together, the file swap alone
    const memory = limit === undefined || limit === 0 ? current : limit;
    if (swap > 0 && (memory === undefined || memory < 0)) {
      throw invalid("memory: linux.resources.memory.swap needs memory.limit");
    }
    const alone = swap < 0 ? -1 : swap - (memory ?? 0);
    if (swap > 0 && alone < 0) throw invalid("memory: linux.resources.memory.swap is less than memory.limit");
    // without swap accounting there is nothing to limit
    set("memory.swap.max", maximum(alone), "memory.swap", { optional: alone <= 0 });
  }
  if (limit !== undefined && limit !== 0) set("memory.max", maximum(limit), "memory.limit");
  if (reservation !== undefined && reservation !== 0) set("memory.low", maximum(reservation), "memory.reservation");
}

function addCpu(cpu: LinuxCPU, set: Set): void {
  for (const field of ["realtimeRuntime", "realtimePeriod"] as const) {
    if (cpu[field]) throw unsupported(`cpu.${field}`, "cgroup v2 has no limits of realtime scheduling");
  }
  if (cpu.idle !== undefined) set("cpu.idle", String(cpu.idle), "cpu.idle");
  // an idle cgroup has the least weight there is, and refuses another
  if (cpu.shares !== undefined && cpu.shares !== 0 && cpu.idle !== 1)
    set("cpu.weight", String(weightOfShares(cpu.shares)), "cpu.shares");
  // a burst may not exceed the quota: whether the old or the new one decides which of the two is written first
  if (cpu.burst !== undefined) set("cpu.max.burst", maximum(cpu.burst), "cpu.burst", { retry: true });
  if (cpu.quota !== undefined && cpu.quota !== 0) {
    const quota = cpu.quota < 0 ? "max" : String(cpu.quota);
    set("cpu.max", `${quota} ${cpu.period || 100000}`, "cpu.quota");
  } else if (cpu.period) {
    set("cpu.max", `max ${cpu.period}`, "cpu.period");
  }
  set("cpuset.cpus", cpu.cpus || undefined, "cpu.cpus");
  set("cpuset.mems", cpu.mems || undefined, "cpu.mems");
}

const THROTTLES = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const;

function addBlockIO(blockIO: LinuxBlockIO, set: Set): void {
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  if (leafWeight) throw unsupported("blockIO.leafWeight", "cgroup v2 has none");
  const setWeight = (bfq: string, value: number, prefix: string, field: string) => {
    if (value < 10 || value > 1000) throw invalid(`linux.resources.${field}: ${value} is not between 10 and 1000`);
    // BFQ's own file takes the range of the field; the other one is that of the io.cost controller
    set("io.bfq.weight", `${bfq}${value}`, field, {
      instead: { file: "io.weight", value: `${prefix}${ioWeight(value)}` },
    });
  };
  if (weight) setWeight("", weight, "default ", "blockIO.weight");
  for (const device of weightDevice) {
    const name = `${device.major}:${device.minor} `;
    if (device.leafWeight) throw unsupported("blockIO.weightDevice.leafWeight", "cgroup v2 has none");
    if (device.weight) setWeight(name, device.weight, name, "blockIO.weightDevice");
  }
  for (const [field, key] of THROTTLES) {
    for (const { major, minor, rate } of blockIO[field] ?? []) {
      if (rate === undefined) continue;
      set("io.max", `${major}:${minor} ${key}=${rate === 0 ? "max" : maximum(rate)}`, `blockIO.${field}`);
    }
  }
}
