/** The cgroup of `tsbox run`, in the subtree that is delegated to the caller. cgroups(7), cgroup-v2.rst "Delegation". */
import { probeCgroups } from "../../host/index.ts";
import { CGROUP_MOUNT } from "./files.ts";
import { applySettings, cannotLimit, controllersOf, fieldsOf, makeCgroup } from "./make.ts";
import { removeTree } from "./remove.ts";
import type { CgroupSetting } from "./settings.ts";

/**
 * Makes the cgroup of a container and sets its limits. The supervisor starts the container in it and removes it.
 *
 * @param note is told its absolute path before it is made, so that whoever is killed then leaves nothing that nobody knows of
 * @returns its absolute path
 * @throws TsboxError `host` saying why a limit cannot be had here and what would change that
 */
export function createCgroup(id: string, settings: readonly CgroupSetting[], note: (path: string) => void): string {
  const what = fieldsOf(settings);
  const { value, why, remedy } = probeCgroups();
  if (value.delegated === undefined) {
    const scope = value.userManager ? "start tsbox as: systemd-run --user --scope -p Delegate=yes tsbox ..." : remedy;
    throw cannotLimit(what, `${why || "no cgroup is delegated to you"}${scope === undefined ? "" : `; ${scope}`}`);
  }
  const top = `${CGROUP_MOUNT}${value.delegated}`;
  const lacking = controllersOf(settings).filter((name) => !value.controllers.includes(name));
  if (lacking.length > 0)
    throw cannotLimit(what, `the controller ${lacking.join(", ")} is not delegated; ${remedy ?? "see tsbox doctor"}`);
  return makeCgroupIn(top, id, settings, note);
}

/**
 * Below a cgroup of the caller's choice.
 * @param top absolute
 * @throws TsboxError `host`
 */
export function makeCgroupIn(
  top: string,
  id: string,
  settings: readonly CgroupSetting[],
  note: (path: string) => void,
): string {
  const path = `${top}/tsbox-${id}`;
  note(path);
  makeCgroup({ path, top }, settings);
  try {
    applySettings(path, settings);
  } catch (error) {
    removeTree(path);
    throw error;
  }
  return path;
}
