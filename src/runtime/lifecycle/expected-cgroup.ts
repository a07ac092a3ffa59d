/** The cgroup of a container whose maker was killed between making it and writing that down. */
import { inUserNamespace } from "../../linux/process-state.ts";
import { CGROUP_MOUNT } from "../cgroup/files.ts";
import { removeCgroup } from "../cgroup/index.ts";
import { locateCgroup } from "../cgroup/locate.ts";
import type { StateRecord } from "./state-folder.ts";

/**
 * Removes it if it is there and empty. Nobody in it is signalled: it may be another container's, which asked for the same path.
 * systemd removes empty scopes itself.
 */
export function removeExpectedCgroup({ id, config, cgroupManager, owner }: StateRecord): void {
  if (cgroupManager !== "cgroupfs") return;
  const request = {
    id,
    cgroupsPath: config.linux?.cgroupsPath,
    resources: config.linux?.resources,
    manager: cgroupManager,
    rootless: owner !== 0 || inUserNamespace(),
  };
  try {
    const place = locateCgroup(request, CGROUP_MOUNT);
    if (place !== undefined) removeCgroup({ manager: "cgroupfs", path: place.path });
  } catch {
    // there are no cgroups here, or somebody lives in it
  }
}
