/**
 * The cgroup of a container: made, limited, watched, removed. Only cgroup v2. cgroups(7); kernel, cgroup-v2.rst; runtime-spec config-linux.md
 * "Control groups". What few commands need (systemd, device filters, statistics) is loaded when it is called.
 */

import { TsboxError } from "../../error.ts";
import { readShortText } from "../../linux/read-text.ts";
import type { LinuxResources } from "../../oci/index.ts";
import { CGROUP_MOUNT, readKey } from "./files.ts";
import { prepareOn } from "./prepare.ts";
import { processesBelow, setFrozen, signalAll } from "./processes.ts";
import { removeTree } from "./remove.ts";
import type { CgroupRequest, CgroupState, PreparedCgroup } from "./types.ts";

export { createCgroup, makeCgroupIn } from "./delegated.ts";
export { type CgroupSetting, cgroupSettings } from "./settings.ts";
export type { CgroupManager, CgroupRequest, CgroupState, PreparedCgroup } from "./types.ts";

/**
 * Makes the cgroup and sets its limits. The supervisor clones the container into it (CLONE_INTO_CGROUP).
 *
 * @returns undefined when none was asked for by limits and none can be had; then also no device rules are enforced
 * @throws TsboxError `host`, `unsupported`, `invalid` or `busy`, naming the field and what can be done; nothing is left behind
 */
export async function prepareCgroup(request: CgroupRequest): Promise<PreparedCgroup | undefined> {
  return prepareOn(request);
}

/** The folder of a state, which comes from a file: never the mount itself, nor anything outside. */
function pathOf({ path }: CgroupState): string {
  const below = path.startsWith(`${CGROUP_MOUNT}/`) && path.length > CGROUP_MOUNT.length + 1;
  if (!below || path.split("/").includes("..") || path.endsWith("/")) {
    throw new TsboxError("invalid", `cannot use the cgroup ${JSON.stringify(path)}: it is not below ${CGROUP_MOUNT}`);
  }
  return path;
}

/**
 * Removes it with the cgroups in it, and systemd's scope. Waits up to two seconds while processes end. No failure when it is gone.
 * @throws TsboxError `busy` when processes still run in it
 */
export function removeCgroup(state: CgroupState): void {
  removeTree(pathOf(state));
  if (state.manager !== "systemd") return;
  // loaded now and not awaited: a module that only systemd's manager needs
  const { stopScope } = require("./systemd/scope.ts") as typeof import("./systemd/scope.ts");
  stopScope(state);
}

/**
 * Sends a signal to all processes, those in cgroups below and those that are just being forked too. No failure when there are none.
 * @throws TsboxError `denied`
 */
export function killCgroup(state: CgroupState, signal: number): void {
  signalAll(pathOf(state), CGROUP_MOUNT, signal);
}

/** The pids of all processes, those in cgroups below too; none when it is gone. */
export function cgroupProcesses(state: CgroupState): number[] {
  return processesBelow(pathOf(state));
}

/**
 * Freezes or thaws all processes, and waits until the kernel says that it is so.
 * @throws TsboxError `not-found`, `denied`, or `busy` when they do not stop within ten seconds (then they are thawed again)
 */
export async function freezeCgroup(state: CgroupState, frozen: boolean): Promise<void> {
  await setFrozen(pathOf(state), CGROUP_MOUNT, frozen);
}

/** Whether {@link freezeCgroup} has frozen it; false when it is gone. */
export function isFrozen(state: CgroupState): boolean {
  return readShortText(`${pathOf(state)}/cgroup.freeze`)?.trim() === "1";
}

/**
 * Sets limits; those that are not named stay. With systemd its properties too, for as long as the scope lives.
 * @throws TsboxError naming the field; limits that were set before it stay set
 */
export async function updateCgroup(state: CgroupState, resources: LinuxResources): Promise<void> {
  pathOf(state);
  const { update } = await import("./update.ts");
  await update(state, resources);
}

/**
 * The `data` of runc's `events --stats`, to be printed with JSON.stringify: numbers that a double would round are raw JSON.
 * @throws SyscallError when the cgroup is gone
 */
export function cgroupStats(state: CgroupState): object {
  const { statsOf } = require("./stats.ts") as typeof import("./stats.ts");
  return statsOf(pathOf(state));
}

/** How many processes were killed for lack of memory; undefined without the memory controller. */
export function cgroupOomCount(state: CgroupState): number | undefined {
  return readKey(`${pathOf(state)}/memory.events`, "oom_kill");
}
