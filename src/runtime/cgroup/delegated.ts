/** A cgroup for one container, in the subtree that is delegated to the caller. cgroups(7), cgroup-v2.rst "Delegation". */
import { TsboxError } from "../../error.ts";
import { probeCgroups } from "../../host/index.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { E, errnoText } from "../../linux/errno.ts";
import { readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { CgroupSetting } from "./settings.ts";

const MOUNT = "/sys/fs/cgroup";

/** One write, as the kernel wants it. Returns 0 or a negative errno. */
function write(path: string, value: string): number {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const bytes = new TextEncoder().encode(value);
  const result = syscall(SYS.write, fd, bytes, bytes.length);
  syscall(SYS.close, fd);
  return Math.min(result, 0);
}

function cannot(what: string, reason: string): TsboxError {
  return new TsboxError("host", `cannot limit ${what}: ${reason}`);
}

/** The controller of a cgroup file is the first part of its name. */
function controllersOf(settings: readonly CgroupSetting[]): string[] {
  const names = settings.map(({ file }) => file.slice(0, file.indexOf(".")));
  return [...new Set(names)].filter((name) => name !== "cgroup");
}

/**
 * Makes the cgroup of a container and sets its limits. The supervisor starts the container in it and removes it.
 *
 * @returns its absolute path
 * @throws TsboxError `host` saying why a limit cannot be had here and what would change that
 */
export function createCgroup(id: string, settings: readonly CgroupSetting[]): string {
  const what = settings.map(({ field }) => field.replace("linux.resources.", "")).join(", ");
  const { value, why, remedy } = probeCgroups();
  if (value.delegated === undefined) {
    const scope = value.userManager ? "start tsbox as: systemd-run --user --scope -p Delegate=yes tsbox ..." : remedy;
    throw cannot(what, `${why || "no cgroup is delegated to you"}${scope === undefined ? "" : `; ${scope}`}`);
  }
  const parent = `${MOUNT}${value.delegated}`;
  const needed = controllersOf(settings);
  const lacking = needed.filter((name) => !value.controllers.includes(name));
  if (lacking.length > 0)
    throw cannot(what, `the controller ${lacking.join(", ")} is not delegated; ${remedy ?? "see tsbox doctor"}`);
  enable(parent, needed, what);
  const path = `${parent}/tsbox-${id}`;
  const made = syscall(SYS.mkdirat, AT_FDCWD, cstring(path), 0o755);
  if (made < 0) throw cannot(what, `cannot make ${path}: ${errnoText(-made)}`);
  for (const { file, value: wanted, field } of settings) {
    const result = write(`${path}/${file}`, wanted);
    if (result === 0) continue;
    removeCgroup(path);
    const reason =
      result === -E.ENOENT ? `this kernel has no ${file}` : `${file} refuses "${wanted}": ${errnoText(-result)}`;
    throw cannot(field, reason);
  }
  return path;
}

/** Makes controllers available to children. A cgroup with processes of its own cannot do that ("no internal processes"). */
function enable(parent: string, needed: readonly string[], what: string): void {
  const enabled = readShortText(`${parent}/cgroup.subtree_control`)?.split(/\s+/) ?? [];
  for (const name of needed) {
    if (enabled.includes(name)) continue;
    const result = write(`${parent}/cgroup.subtree_control`, `+${name}`);
    if (result === 0) continue;
    if (result !== -E.EBUSY)
      throw cannot(what, `cannot enable the controller ${name} in ${parent}: ${errnoText(-result)}`);
    throw cannot(
      what,
      `${parent} has processes of its own; start tsbox in a cgroup below it (systemd-run --user --scope tsbox ...)`,
    );
  }
}

/** Removes an empty cgroup; a missing one is no failure. */
export function removeCgroup(path: string): void {
  syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR);
}
