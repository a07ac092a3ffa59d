/** Makes the cgroup that a container is to start in. */
import { TsboxError } from "../../error.ts";
import { CGROUP2_SUPER_MAGIC } from "../../linux/abi.gen.ts";
import { exists } from "../../linux/read-text.ts";
import { statfs } from "../../linux/statfs.ts";
import { CGROUP_MOUNT } from "./files.ts";
import { cgroupComponents, hasUserManager, locateCgroup } from "./locate.ts";
import { applySettings, cannotLimit, chownCgroup, fieldsOf, makeCgroup } from "./make.ts";
import { removeTree } from "./remove.ts";
import { type CgroupSetting, cgroupSettings } from "./settings.ts";
import type { CgroupRequest, PreparedCgroup } from "./types.ts";

/** Where a test has its own cgroup2, or a folder that stands for one. */
export interface CgroupHost {
  readonly mount: string;
  /** The caller's own cgroup below the mount, as /proc/self/cgroup would tell. */
  readonly own?: string;
}

const HOST: CgroupHost = { mount: CGROUP_MOUNT };

/** Why there are no cgroups of version 2, or undefined when there are. */
function lacksVersion2(mount: string): string | undefined {
  if (exists(mount) && statfs(mount).type === CGROUP2_SUPER_MAGIC) return undefined;
  const v1 = exists(`${mount}/memory`) || exists(`${mount}/unified`);
  return v1
    ? `${mount} is cgroup v1 or hybrid, tsbox needs v2; an administrator boots with systemd.unified_cgroup_hierarchy=1`
    : `no cgroups are mounted on ${mount}; an administrator runs: mount -t cgroup2 none ${mount}`;
}

/** Device rules are for those who could otherwise open any device: with privileges, in the initial user namespace. */
export function filtersDevices({ rootless, resources }: CgroupRequest): boolean {
  return !rootless && resources?.devices !== undefined && resources.devices.length > 0;
}

/** See `prepareCgroup` of `index.ts`. */
export async function prepareOn(request: CgroupRequest, host = HOST): Promise<PreparedCgroup | undefined> {
  // asked for by name, and callers that ask so send their default limits all the same
  if (request.manager === "disabled") return undefined;
  // a path that leads elsewhere is refused on every host, also where there is no cgroup to be had
  if (request.manager === "cgroupfs") cgroupComponents(request.cgroupsPath ?? "");
  const settings = cgroupSettings(request.resources);
  const what = fieldsOf(settings);
  const lack = lacksVersion2(host.mount);
  if (lack !== undefined) {
    if (settings.length > 0) throw cannotLimit(what, lack);
    return undefined;
  }
  if (request.manager === "systemd") {
    const { abandonScope, prepareScope } = await import("./systemd/scope.ts");
    const scope = prepareScope(request, host.mount);
    return finish(scope, request, settings, () => abandonScope(scope));
  }
  const place = locateCgroup(request, host.mount, host.own);
  if (place === undefined) {
    if (settings.length === 0) return undefined;
    const scope = hasUserManager()
      ? "use --systemd-cgroup, or start tsbox as: systemd-run --user --scope -p Delegate=yes tsbox ..."
      : "log in through systemd (ssh, a console, machinectl shell)";
    throw cannotLimit(what, `no cgroup is delegated to you; ${scope}`);
  }
  try {
    makeCgroup(place, settings);
  } catch (error) {
    // without a limit a container needs no cgroup of its own; one that others use must not be shared silently, though
    const busy = error instanceof TsboxError && error.code === "busy";
    if (settings.length > 0 || busy || filtersDevices(request)) throw error;
    return undefined;
  }
  const made: PreparedCgroup = { state: { manager: "cgroupfs", path: place.path } };
  return finish(made, request, settings, () => removeTree(place.path));
}

/** Sets what was asked for; when that fails, nothing of the cgroup stays. */
async function finish(
  prepared: PreparedCgroup,
  request: CgroupRequest,
  settings: readonly CgroupSetting[],
  undo: () => void,
): Promise<PreparedCgroup> {
  const { path } = prepared.state;
  try {
    applySettings(path, settings);
    if (request.owner !== undefined) chownCgroup(path, request.owner);
    if (filtersDevices(request)) {
      const { setDeviceRules } = await import("./devices/attach.ts");
      setDeviceRules(path, request.resources?.devices ?? []);
    }
    return prepared;
  } catch (error) {
    try {
      undo();
    } catch {
      // the first failure is the one to tell
    }
    throw error;
  }
}
