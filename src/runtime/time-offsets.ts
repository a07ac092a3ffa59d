/** `linux.timeOffsets` of config.json: time_namespaces(7). */
import { TsboxError } from "../error.ts";
import { CLONE_NEWTIME, O_RDONLY, O_WRONLY, PROC_SUPER_MAGIC } from "../linux/abi.gen.ts";
import type { LinuxTimeOffset, RuntimeConfig } from "../oci/index.ts";
import { encode } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

/**
 * The namespaces that cannot be made together with the process: offsets are set before anybody is in the namespace, and a
 * process that clone3(2) makes in a new one is in it at once.
 */
export function lateTimeNamespace({ linux }: RuntimeConfig): number {
  return linux?.timeOffsets === undefined ? 0 : CLONE_NEWTIME;
}

const line = (clock: string, { secs = 0, nanosecs = 0 }: LinuxTimeOffset) => `${clock} ${secs} ${nanosecs}\n`;

/** Makes the namespace for children, sets its clocks, then enters it. @throws TsboxError naming the field */
export function addTimeOffsets({ inside, config, target }: Compilation): void {
  const offsets = config.linux?.timeOffsets;
  if (offsets === undefined) return;
  const namespace = config.linux?.namespaces?.find(({ type }) => type === "time");
  // "The offsets can be set only for a new namespace", and without one they would be the host's
  if (namespace === undefined || namespace.path)
    throw new TsboxError("invalid", "cannot run: linux.timeOffsets: linux.namespaces has no new time namespace");
  const { monotonic, boottime } = offsets;
  const lines = [monotonic && line("monotonic", monotonic), boottime && line("boottime", boottime)].filter(Boolean);
  inside.add("unshare", [CLONE_NEWTIME], { note: "make a time namespace for linux.timeOffsets" });
  if (lines.length > 0) {
    const note = "set linux.timeOffsets";
    inside.add("openat2", [target, null, "/proc/self/timens_offsets", O_WRONLY, 0, 0], { note });
    inside.add("require_fs", [target, PROC_SUPER_MAGIC], { note });
    // one write: the clocks of a namespace are set together or not at all
    inside.add("write", [target, encode(lines.join(""))], { note });
    inside.add("close", [target]);
  }
  const note = "enter the time namespace";
  inside.add("openat2", [target, null, "/proc/self/ns/time_for_children", O_RDONLY, 0, 0], { note });
  inside.add("setns", [target, CLONE_NEWTIME], { note });
  inside.add("close", [target]);
}
