/** `update`: other limits and another restart policy, at once and for later starts. */
import { TsboxError } from "../error.ts";
import type { LinuxMemory, LinuxResources } from "../oci/index.ts";
import { changingRecord, writeChange } from "./change-record.ts";
import { event } from "./events.ts";
import type { RestartPolicy } from "./folder.ts";
import { readOptions } from "./options-file.ts";
import { containerState } from "./state.ts";
import { nameOf } from "./stop.ts";

export interface ContainerUpdate {
  /** Those that are not named stay. */
  readonly resources: LinuxResources;
  readonly restart: RestartPolicy | undefined;
}

/**
 * A container that runs is changed first, and nothing is written down when it refuses.
 * @returns what a person should know: lines for standard error
 * @throws TsboxError `host` when it runs without a cgroup, or the kernel refuses; `usage` for a policy with --rm; `not-found`
 */
export async function updateContainer(store: string, id: string, update: ContainerUpdate): Promise<string[]> {
  return await changingRecord(store, id, async (record) => {
    const { restart } = update;
    const cannot = (code: "usage" | "host", reason: string) =>
      new TsboxError(code, `cannot update container ${nameOf(record)}: ${reason}`);
    if (restart !== undefined && restart.name !== "no" && record.remove)
      throw cannot("usage", "it is removed when it ends (--rm), so it cannot be started again");
    const { options } = readOptions(store, id);
    const resources = merge(options.resources, update.resources);
    const state = containerState(store, record);
    const limited = Object.keys(update.resources).length > 0;
    if (limited && state.pid !== 0) {
      if (state.cgroup === undefined)
        throw cannot(
          "host",
          "it runs without a cgroup, because none is delegated to you; tsbox doctor says how to get one",
        );
      const { updateCgroup } = await import("../runtime/cgroup/index.ts");
      // what is derived, too: swap follows memory
      const now =
        update.resources.memory === undefined ? update.resources : { ...update.resources, memory: resources.memory };
      await updateCgroup({ manager: "cgroupfs", path: state.cgroup }, now);
    }
    const policy = restart === undefined ? {} : { restart };
    writeChange(store, id, {
      options: { ...(limited ? { resources } : {}), ...policy },
      ...(restart === undefined ? {} : { record: { restart } }),
    });
    event(store, record, "update");
    // its monitor was told at the start whether to ask at the end
    const unasked = record.restart === undefined || record.restart.name === "no";
    return state.pid !== 0 && restart !== undefined && restart.name !== "no" && unasked
      ? [`container ${nameOf(record)} was started without a restart policy: the new one is kept from its next start on`]
      : [];
  });
}

function merge(old: LinuxResources, update: LinuxResources): LinuxResources {
  const { memory, cpu, pids, blockIO } = update;
  return {
    ...old,
    ...(memory === undefined ? {} : { memory: mergeMemory(old.memory ?? {}, memory) }),
    ...(cpu === undefined ? {} : { cpu: { ...old.cpu, ...cpu } }),
    ...(pids === undefined ? {} : { pids }),
    ...(blockIO === undefined ? {} : { blockIO: { ...old.blockIO, ...blockIO } }),
  };
}

/** Unless swap is limited in its own way it follows, as much again as memory. */
function mergeMemory(old: LinuxMemory, update: LinuxMemory): LinuxMemory {
  const merged = { ...old, ...update };
  const { limit } = update;
  const follows = old.swap === undefined || old.limit === undefined || old.swap === old.limit * 2;
  if (limit === undefined || update.swap !== undefined || !follows) return merged;
  return { ...merged, swap: limit < 0 ? -1 : limit * 2 };
}
