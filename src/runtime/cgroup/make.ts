/** Makes a cgroup, with controllers enabled along its path, and sets its limits. */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { E, errnoText } from "../../linux/errno.ts";
import { readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { isPopulated, readWords, writeCgroupFile } from "./files.ts";
import type { Place } from "./locate.ts";
import type { CgroupSetting } from "./settings.ts";

export function cannotLimit(what: string, reason: string): TsboxError {
  return new TsboxError("host", `cannot limit ${what}: ${reason}`);
}

/** The fields that settings come from, as people know them: `memory.limit, pids.limit`. */
export function fieldsOf(settings: readonly CgroupSetting[]): string {
  return [...new Set(settings.map(({ field }) => field.replace("linux.resources.", "")))].join(", ");
}

/** The controller of a cgroup file is the first part of its name. */
export function controllersOf(settings: readonly CgroupSetting[]): string[] {
  const names = settings.map(({ file }) => file.slice(0, file.indexOf(".")));
  return [...new Set(names)].filter((name) => name !== "cgroup");
}

/**
 * Makes every controller that a cgroup has available to its children: what is not limited now may be limited by an update, and is
 * counted. A cgroup with processes of its own cannot do that ("no internal processes", except in the root).
 *
 * @throws TsboxError `host` when one of `needed` cannot be had
 */
function enableControllers(parent: string, needed: readonly string[], what: string): void {
  const control = `${parent}/cgroup.subtree_control`;
  const available = readWords(`${parent}/cgroup.controllers`);
  const lacking = needed.filter((name) => !available.includes(name));
  if (lacking.length > 0) {
    const remedy = parent.includes("/user@")
      ? "; an administrator runs: systemctl set-property user@$(id -u).service Delegate='cpu cpuset io memory pids'"
      : "";
    throw cannotLimit(what, `${parent} does not have the controller ${lacking.join(", ")}${remedy}`);
  }
  const enabled = readWords(control);
  const missing = available.filter((name) => !enabled.includes(name));
  if (missing.length === 0) return;
  // the first time this may take tens of milliseconds (the kernel waits for all processors), later there is nothing to enable
  const together = writeCgroupFile(control, missing.map((name) => `+${name}`).join(" "));
  if (together === 0) return;
  // Processes are in the way of every one of them. Tried one by one, cpu and pids would be taken nevertheless: they make the cgroup
  // the root of a threaded subtree, which no process can be put below and which memory and io are refused in from then on.
  if (together === -E.EBUSY) {
    if (!missing.some((name) => needed.includes(name))) return;
    throw cannotLimit(
      what,
      `${parent} has processes of its own, so it cannot give limits to cgroups in it; move them to a cgroup below it, or start tsbox in one (systemd-run --user --scope tsbox ...)`,
    );
  }
  // one that cannot be enabled spoils the write of all
  for (const name of missing) {
    const result = writeCgroupFile(control, `+${name}`);
    if (result === 0 || !needed.includes(name)) continue;
    throw cannotLimit(what, `cannot enable the controller ${name} in ${parent}: ${errnoText(-result)}`);
  }
}

/**
 * Makes the cgroup, and those above it that are missing. One that is there is used when it is empty.
 *
 * @throws TsboxError `busy` when processes run in it, `host` when the controllers of `settings` cannot be enabled, `denied`
 */
export function makeCgroup({ path, top }: Place, settings: readonly CgroupSetting[]): void {
  const needed = controllersOf(settings.filter(({ optional }) => !optional));
  const names = path.slice(top.length + 1).split("/");
  let parent = top;
  for (const [index, name] of names.entries()) {
    enableControllers(parent, needed, fieldsOf(settings));
    parent = `${parent}/${name}`;
    const result = syscall(SYS.mkdirat, AT_FDCWD, cstring(parent), 0o755);
    if (result === -E.EEXIST) {
      if (index === names.length - 1 && isPopulated(parent)) {
        throw new TsboxError("busy", `cannot use the cgroup ${parent}: processes run in it already`);
      }
    } else if (result < 0) {
      throw new TsboxError("denied", `cannot make the cgroup ${parent}: ${errnoText(-result)}`);
    }
  }
}

/** Why a value was not taken. */
function reasonFor(path: string, { file, value }: CgroupSetting, errno: number): string {
  if (errno === E.ENOENT) {
    const controller = file.slice(0, file.indexOf("."));
    const available = controller === "cgroup" || readWords(`${path}/cgroup.controllers`).includes(controller);
    return available ? `this kernel has no ${file}` : `the controller ${controller} is not available in ${path}`;
  }
  return `${file} refuses "${value}": ${errnoText(errno)}`;
}

/** @throws TsboxError `host` naming the field and the kernel's reason; what was set before it stays set */
export function applySettings(path: string, settings: readonly CgroupSetting[]): void {
  const again: CgroupSetting[] = [];
  for (const setting of settings) {
    let result = writeCgroupFile(`${path}/${setting.file}`, setting.value);
    if (result === -E.ENOENT && setting.instead !== undefined) {
      result = writeCgroupFile(`${path}/${setting.instead.file}`, setting.instead.value);
    }
    if (result === 0 || (result === -E.ENOENT && setting.optional)) continue;
    if (result === -E.EINVAL && setting.retry) again.push(setting);
    else throw cannotLimit(setting.field, reasonFor(path, setting, -result));
  }
  for (const setting of again) {
    const result = writeCgroupFile(`${path}/${setting.file}`, setting.value);
    if (result < 0) throw cannotLimit(setting.field, reasonFor(path, setting, -result));
  }
}

/** Gives the cgroup to the container's root, as far as delegation goes: the folder and the files that the kernel names. */
export function chownCgroup(path: string, uid: number): void {
  // since Linux 4.15; what it lists may be written by the one to whom a cgroup is delegated
  const names = readShortText("/sys/kernel/cgroup/delegate")?.split("\n").filter(Boolean) ?? [
    "cgroup.procs",
    "cgroup.subtree_control",
    "cgroup.threads",
  ];
  for (const name of ["", ...names.map((file) => `/${file}`)]) {
    const result = syscall(SYS.fchownat, AT_FDCWD, cstring(`${path}${name}`), uid, -1, 0);
    if (result < 0 && result !== -E.ENOENT) {
      throw new TsboxError("denied", `cannot give ${path}${name} to uid ${uid}: ${errnoText(-result)}`);
    }
  }
}
