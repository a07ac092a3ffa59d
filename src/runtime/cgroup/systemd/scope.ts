/** A container's transient scope, made by systemd. */
import { TsboxError } from "../../../error.ts";
import type { LinuxResources } from "../../../oci/index.ts";
import type { CgroupRequest, CgroupState, PreparedCgroup } from "../types.ts";

function unbuilt(): never {
  throw new TsboxError("unsupported", "cannot use systemd's cgroups: they are not built yet");
}
export function prepareScope(_request: CgroupRequest, _mount: string): PreparedCgroup {
  return unbuilt();
}
export function abandonScope(_scope: PreparedCgroup): void {}
export function stopScope(_state: CgroupState): void {}
export function setScopeProperties(_state: CgroupState, _resources: LinuxResources): void {
  unbuilt();
}
