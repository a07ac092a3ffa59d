/** Which processes are a container's. */
import { listFolder } from "../linux/directory.ts";
import { readShortText } from "../linux/read-text.ts";
import type { ContainerState } from "./state.ts";

/**
 * pids on the host, the first process's first. With a cgroup those in it. Without, those in its pid namespace and what descends from them,
 * nested namespaces included; with `--pid=host` what descends from its first process, so that those of `exec` are missing.
 */
export async function containerProcesses({ pid, cgroup }: ContainerState): Promise<number[]> {
  if (pid === 0) return [];
  if (cgroup !== undefined) {
    const { cgroupProcesses } = await import("../runtime/cgroup/index.ts");
    const pids = cgroupProcesses({ manager: "cgroupfs", path: cgroup });
    if (pids.length > 0) return sorted(pids, pid);
  }
  const namespace = namespaceOf(pid);
  if (namespace === undefined) return [];
  const all = allProcesses();
  const own = namespace === namespaceOf("self") ? [pid] : all.filter((other) => namespaceOf(other) === namespace);
  return sorted(withDescendants(own, all), pid);
}

function sorted(pids: Iterable<number>, first: number): number[] {
  return [...pids].sort((a, b) => Number(b === first) - Number(a === first) || a - b);
}

export function allProcesses(): number[] {
  return listFolder("/proc").flatMap(({ name }) => (/^\d+$/.test(name) ? Number(name) : []));
}

/** `pid:[4026531836]`; undefined for one that is gone, or another person's. */
function namespaceOf(pid: number | "self"): string | undefined {
  try {
    return process.getBuiltinModule("node:fs").readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function withDescendants(own: readonly number[], all: readonly number[]): Set<number> {
  const children = new Map<number, number[]>();
  for (const pid of all) {
    const parent = parentOf(pid);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = new Set(own);
  // a set's iteration comes to what is added meanwhile
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return found;
}

function parentOf(pid: number): number | undefined {
  const text = readShortText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}
