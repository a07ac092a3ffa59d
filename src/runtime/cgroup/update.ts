/** Changes the limits of a cgroup that runs. */
import { TsboxError } from "../../error.ts";
import { exists, readShortText } from "../../linux/read-text.ts";
import type { LinuxResources } from "../../oci/index.ts";
import { readWords } from "./files.ts";
import { applySettings } from "./make.ts";
import { cgroupSettings } from "./settings.ts";
import type { CgroupState } from "./types.ts";

/** A file with one number or `max`, as a number; -1 for `max`, undefined when it cannot be read. */
function readLimit(path: string): number | undefined {
  const [word] = readWords(path);
  return word === undefined ? undefined : word === "max" ? -1 : Number(word);
}

/** cpu.max takes quota and period together; what the update does not name stays. */
function completeCpu(path: string, resources: LinuxResources): LinuxResources {
  const { cpu } = resources;
  if (cpu === undefined || (!cpu.quota && !cpu.period)) return resources;
  const [quota, period] = readWords(`${path}/cpu.max`);
  return {
    ...resources,
    cpu: {
      ...cpu,
      quota: cpu.quota || (quota === undefined || quota === "max" ? -1 : Number(quota)),
      period: cpu.period || Number(period ?? 100000),
    },
  };
}

/** `checkBeforeUpdate`: the kernel would take the limit, and then kill. */
function checkMemory(path: string, { memory }: LinuxResources): void {
  if (memory?.checkBeforeUpdate !== true || memory.limit === undefined || memory.limit <= 0) return;
  const usage = Number(readShortText(`${path}/memory.current`) ?? 0);
  if (usage > memory.limit) {
    throw new TsboxError(
      "host",
      `cannot limit linux.resources.memory.limit: ${usage} bytes are in use, which is more than ${memory.limit} (checkBeforeUpdate)`,
    );
  }
}

/** See `updateCgroup` of `index.ts`. */
export async function update(state: CgroupState, resources: LinuxResources): Promise<void> {
  const { path } = state;
  if (!exists(path)) throw new TsboxError("not-found", `cannot update limits: the cgroup ${path} does not exist`);
  const complete = completeCpu(path, resources);
  const memoryLimit = readLimit(`${path}/memory.max`);
  const settings = cgroupSettings(complete, memoryLimit);
  checkMemory(path, complete);
  if (state.manager === "systemd" && state.unit !== undefined) {
    // first: what systemd does not know it would undo at its next reload
    const { setScopeProperties } = await import("./systemd/scope.ts");
    setScopeProperties(state, complete, memoryLimit);
  }
  applySettings(path, settings);
  if (complete.devices !== undefined && complete.devices.length > 0) {
    const { mayFilterDevices, setDeviceRules } = await import("./devices/attach.ts");
    if (mayFilterDevices(readShortText)) setDeviceRules(path, complete.devices);
  }
}
