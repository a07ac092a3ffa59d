/** What a container uses: by its cgroup, and what that does not count by its processes. */
import { exists, readShortText } from "../linux/read-text.ts";
import { containerProcesses } from "./processes.ts";
import type { ContainerState } from "./state.ts";
import { readProcess, TICKS } from "./top/process-info.ts";

export interface Usage {
  /** Computed since it started. */
  readonly nanoseconds: number;
  /** Bytes, without the file cache that the kernel would give up first. */
  readonly memory: number;
  /** Bytes: its limit, or what the host has. */
  readonly memoryLimit: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
  readonly tasks: number;
  /** What was summed over its processes, so that what ended ones used is missing. */
  readonly summed: readonly ("cpu" | "memory" | "io" | "tasks")[];
  /** Of the measurement, nanoseconds. */
  readonly time: number;
}

/** The part of `cgroupStats` that is asked for; numbers of 64 bits are doubles here. */
interface CgroupNumbers {
  readonly cpu: { readonly usage: { readonly total: number } };
  readonly memory: {
    readonly usage: { readonly usage: number; readonly limit: number };
    readonly raw: { readonly inactive_file?: number };
  };
  readonly pids: { readonly current: number };
  readonly blkio: {
    readonly ioServiceBytesRecursive?: readonly { readonly op: string; readonly value: number }[];
  };
}

/** @returns undefined when it does not run */
export async function usageOf(state: ContainerState): Promise<Usage | undefined> {
  const { pid, cgroup } = state;
  if (pid === 0) return undefined;
  const pids = await containerProcesses(state);
  const network = networkOf(pid);
  const hostMemory = Number(/^MemTotal:\s+(\d+)/.exec(readShortText("/proc/meminfo") ?? "")?.[1] ?? 0) * 1024;
  // controllers may be missing one by one
  const has = (file: string) => cgroup !== undefined && exists(`${cgroup}/${file}`);
  const numbers = has("cpu.stat") && cgroup !== undefined ? await numbersOf(cgroup) : undefined;
  const memory = has("memory.current") ? numbers?.memory : undefined;
  const bytes = has("io.stat") ? numbers?.blkio.ioServiceBytesRecursive : undefined;
  const tasks = has("pids.current") ? numbers?.pids.current : undefined;
  const summed = [
    ...(numbers === undefined ? (["cpu"] as const) : []),
    ...(memory === undefined ? (["memory"] as const) : []),
    ...(has("io.stat") ? [] : (["io"] as const)),
    ...(tasks === undefined ? (["tasks"] as const) : []),
  ];
  const io = has("io.stat")
    ? { read: total(bytes, "Read"), written: total(bytes, "Write") }
    : sumOf(pids.map(ioOf), { read: 0, written: 0 });
  const processes = numbers === undefined || tasks === undefined ? pids.flatMap((one) => readProcess(one) ?? []) : [];
  const ticks = processes.reduce((sum, info) => sum + info.ticks + info.childrenTicks, 0);
  const used =
    memory === undefined
      ? pids.reduce((sum, one) => sum + memoryOf(one), 0)
      : Math.max(memory.usage.usage - (memory.raw.inactive_file ?? 0), 0);
  return {
    nanoseconds: numbers?.cpu.usage.total ?? (ticks * 1e9) / TICKS,
    memory: used,
    memoryLimit: Math.min(memory?.usage.limit || hostMemory, hostMemory),
    ...network,
    ...io,
    tasks: tasks ?? processes.reduce((sum, { threads }) => sum + threads, 0),
    summed,
    time: Bun.nanoseconds(),
  };
}

async function numbersOf(path: string): Promise<CgroupNumbers | undefined> {
  const { cgroupStats } = await import("../runtime/cgroup/index.ts");
  try {
    return JSON.parse(JSON.stringify(cgroupStats({ manager: "cgroupfs", path }))) as CgroupNumbers; // cast: stats.ts makes it
  } catch {
    return undefined; // it is gone: the container has just ended
  }
}

function total(entries: readonly { readonly op: string; readonly value: number }[] | undefined, op: string): number {
  return (entries ?? []).reduce((sum, entry) => sum + (entry.op === op ? entry.value : 0), 0);
}

function sumOf<T extends Record<string, number>>(parts: readonly T[], zero: T): T {
  const sum: Record<string, number> = { ...zero };
  for (const part of parts) for (const [key, value] of Object.entries(part)) sum[key] = (sum[key] ?? 0) + value;
  return sum as T; // cast: the same keys
}

/** The share of what it has in common with others; without that file (it takes CONFIG_PROC_PAGE_MONITOR) all of it. proc(5) */
function memoryOf(pid: number): number {
  const share = /^Pss:\s+(\d+)/m.exec(readShortText(`/proc/${pid}/smaps_rollup`) ?? "")?.[1];
  const resident = share ?? /^VmRSS:\s+(\d+)/m.exec(readShortText(`/proc/${pid}/status`) ?? "")?.[1];
  return Number(resident ?? 0) * 1024;
}

function ioOf(pid: number): { read: number; written: number } {
  const text = readShortText(`/proc/${pid}/io`) ?? "";
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, "m").exec(text)?.[1] ?? 0);
  return { read: field("read_bytes"), written: field("write_bytes") };
}

/** Of all devices but loopback; nothing with the host's network, whose traffic is not the container's. */
function networkOf(pid: number): { received: number; sent: number } {
  const namespace = (of: number | "self") => {
    try {
      return process.getBuiltinModule("node:fs").readlinkSync(`/proc/${of}/ns/net`);
    } catch {
      return undefined;
    }
  };
  const nothing = { received: 0, sent: 0 };
  if (namespace(pid) === namespace("self")) return nothing;
  const lines = (readShortText(`/proc/${pid}/net/dev`) ?? "").split("\n").slice(2);
  return lines.reduce((sum, line) => {
    const [name = "", ...fields] = line.trim().split(/[:\s]+/);
    if (name === "lo" || name === "") return sum;
    return { received: sum.received + Number(fields[0]), sent: sum.sent + Number(fields[8]) };
  }, nothing);
}
