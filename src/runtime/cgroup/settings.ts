/** `linux.resources` as values for the files of cgroup v2. runtime-spec config-linux.md; kernel, cgroup-v2.rst. */
import { TsboxError } from "../../error.ts";
import type { LinuxResources } from "../../oci/index.ts";

/** A file of the cgroup and what is written to it, in the order in which it is written. */
export interface CgroupSetting {
  readonly file: string;
  readonly value: string;
  /** The field of config.json, for messages. */
  readonly field: string;
}

/** cpu.shares (2 to 262144) as cpu.weight (1 to 10000), by the formula that runc and systemd use. */
function weightOfShares(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor(((bounded - 2) * 9999) / 262142);
}

function maximum(value: number): string {
  return value < 0 ? "max" : String(value);
}

/**
 * @throws TsboxError `unsupported` for a resource that this version cannot limit, `invalid` for a contradiction
 */
export function cgroupSettings(resources: LinuxResources | undefined): CgroupSetting[] {
  const settings: CgroupSetting[] = [];
  const set = (file: string, value: string | undefined, field: string) => {
    if (value !== undefined) settings.push({ file, value, field: `linux.resources.${field}` });
  };
  const { memory, cpu, pids, unified } = resources ?? {};
  for (const field of ["blockIO", "hugepageLimits", "network", "rdma"] as const) {
    const value = resources?.[field];
    if (value !== undefined && Object.keys(value).length > 0) {
      throw new TsboxError("unsupported", `cannot limit linux.resources.${field}: it is not built yet`);
    }
  }
  if (memory?.limit !== undefined) set("memory.max", maximum(memory.limit), "memory.limit");
  if (memory?.swap !== undefined) {
    // the field counts memory and swap together, the file swap alone
    const swap = memory.swap < 0 ? -1 : memory.swap - (memory.limit ?? 0);
    if (memory.swap >= 0 && swap < 0) {
      throw new TsboxError("invalid", "cannot limit memory: linux.resources.memory.swap is less than memory.limit");
    }
    set("memory.swap.max", maximum(swap), "memory.swap");
  }
  if (memory?.reservation !== undefined) set("memory.low", maximum(memory.reservation), "memory.reservation");
  if (cpu?.shares !== undefined && cpu.shares !== 0)
    set("cpu.weight", String(weightOfShares(cpu.shares)), "cpu.shares");
  if (cpu?.quota !== undefined || cpu?.period !== undefined) {
    const quota = cpu.quota === undefined || cpu.quota <= 0 ? "max" : String(cpu.quota);
    set("cpu.max", `${quota} ${cpu.period ?? 100000}`, "cpu.quota");
  }
  set("cpuset.cpus", cpu?.cpus || undefined, "cpu.cpus");
  set("cpuset.mems", cpu?.mems || undefined, "cpu.mems");
  if (pids?.limit !== undefined && pids.limit !== 0) set("pids.max", maximum(pids.limit), "pids.limit");
  for (const [file, value] of Object.entries(unified ?? {})) {
    if (file.includes("/") || !file.includes(".")) {
      throw new TsboxError("invalid", `cannot set linux.resources.unified: "${file}" is not a file of a cgroup`);
    }
    set(file, value, `unified["${file}"]`);
  }
  return settings;
}
