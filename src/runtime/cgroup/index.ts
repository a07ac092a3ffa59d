/** The cgroup of a container: made, limited, watched, removed. cgroups(7); kernel, cgroup-v2.rst; runtime-spec config-linux.md "Control groups". */
import { TsboxError } from "../../error.ts";
import type { LinuxResources } from "../../oci/index.ts";
import type { CgroupRequest, CgroupState, PreparedCgroup } from "./types.ts";

export { createCgroup } from "./delegated.ts";
export { type CgroupSetting, cgroupSettings } from "./settings.ts";
export type { CgroupManager, CgroupRequest, CgroupState, PreparedCgroup } from "./types.ts";

function unbuilt(): never {
  throw new TsboxError("unsupported", "cannot use cgroups: it is not built yet");
}

/** Makes the cgroup and sets its limits; undefined when none was asked for and none can be had. The supervisor clones the container into it (CLONE_INTO_CGROUP). */
export async function prepareCgroup(_request: CgroupRequest): Promise<PreparedCgroup | undefined> {
  return unbuilt();
}
/** With the cgroups in it; waits shortly while processes end. No failure when it is gone. */
export function removeCgroup(_state: CgroupState): void {
  unbuilt();
}
/** Sends a signal to all processes, those in cgroups below too. */
export function killCgroup(_state: CgroupState, _signal: number): void {
  unbuilt();
}
/** The pids of all processes, those in cgroups below too. */
export function cgroupProcesses(_state: CgroupState): number[] {
  return unbuilt();
}
/** Waits until the kernel says so. */
export async function freezeCgroup(_state: CgroupState, _frozen: boolean): Promise<void> {
  unbuilt();
}
export function isFrozen(_state: CgroupState): boolean {
  return unbuilt();
}
export async function updateCgroup(_state: CgroupState, _resources: LinuxResources): Promise<void> {
  unbuilt();
}
/** The `data` of runc's `events --stats`. */
export function cgroupStats(_state: CgroupState): object {
  return unbuilt();
}
/** How many processes were killed for lack of memory; undefined without the memory controller. */
export function cgroupOomCount(_state: CgroupState): number | undefined {
  return unbuilt();
}
