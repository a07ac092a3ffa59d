/** Where a container's cgroup would be, for one whose maker was killed before it wrote that down. */
import type { CgroupState } from "../cgroup/index.ts";
import type { StateRecord } from "./state-folder.ts";

export function expectedCgroup(_record: StateRecord): CgroupState | undefined {
  return undefined;
}
