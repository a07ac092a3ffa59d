/** `update` and `events`: the limits of a container that runs, and what it uses. */
import { TsboxError } from "../../error.ts";
import type { LinuxResources } from "../../oci/index.ts";
import { requireCgroup } from "./processes.ts";
import { fullStatusOf, readRecord } from "./state-folder.ts";

async function runningCgroup(root: string, id: string, verb: string) {
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  if (status === "stopped" || status === "creating")
    throw new TsboxError("busy", `cannot ${verb} container "${id}": container not running`);
  return requireCgroup(record, verb);
}

/** @throws TsboxError naming the field that cannot be changed */
export async function updateContainer(root: string, id: string, resources: LinuxResources): Promise<void> {
  const cgroup = await runningCgroup(root, id, "update");
  const { updateCgroup } = await import("../cgroup/index.ts");
  await updateCgroup(cgroup, resources);
}

/** As runc's `events --stats` has it. @throws TsboxError */
export async function containerStats(root: string, id: string): Promise<object> {
  const cgroup = await runningCgroup(root, id, "watch");
  const { cgroupStats } = await import("../cgroup/index.ts");
  return cgroupStats(cgroup);
}

/** How many processes of it were killed for lack of memory, also when that ended it. @throws TsboxError */
export async function containerOomCount(root: string, id: string): Promise<number> {
  const cgroup = requireCgroup(readRecord(root, id), "watch");
  const { cgroupOomCount } = await import("../cgroup/index.ts");
  return cgroupOomCount(cgroup) ?? 0;
}
