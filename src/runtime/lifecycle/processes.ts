/** Which processes a container has, and stopping them for a while. */
import { TsboxError } from "../../error.ts";
import { fullStatusOf, readRecord, type StateRecord } from "./state-folder.ts";

/** Pids as the caller sees them; without a cgroup only the first process is known. @throws TsboxError */
export async function containerProcesses(root: string, id: string): Promise<number[]> {
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  if (status === "stopped" || status === "creating")
    throw new TsboxError("busy", `cannot list the processes of container "${id}": container not running`);
  if (record.cgroup === undefined) return [record.pid];
  const { cgroupProcesses } = await import("../cgroup/index.ts");
  return cgroupProcesses(record.cgroup);
}

/** @throws TsboxError when it does not run, or has no cgroup */
export async function pauseContainer(root: string, id: string, pause: boolean): Promise<void> {
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  const verb = pause ? "pause" : "resume";
  if (status === "stopped" || status === "creating")
    throw new TsboxError("busy", `cannot ${verb} container "${id}": container not running`);
  if (pause && status === "paused")
    throw new TsboxError("busy", `cannot pause container "${id}": it is paused already`);
  if (!pause && status !== "paused") throw new TsboxError("busy", `cannot resume container "${id}": it is not paused`);
  const cgroup = requireCgroup(record, verb);
  const { freezeCgroup } = await import("../cgroup/index.ts");
  await freezeCgroup(cgroup, pause);
}

/** @throws TsboxError `host` */
export function requireCgroup(record: StateRecord, verb: string) {
  if (record.cgroup !== undefined) return record.cgroup;
  throw new TsboxError(
    "host",
    `cannot ${verb} container "${record.id}": it has no cgroup of its own; see tsbox doctor`,
  );
}
