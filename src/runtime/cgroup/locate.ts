/** Where a container's cgroup is to be, for the cgroupfs manager. runtime-spec config-linux.md "Cgroups Path"; cgroup-v2.rst "Delegation". */
import { TsboxError } from "../../error.ts";
import { AT_EACCESS, AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { exists, readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { CgroupRequest } from "./types.ts";

const W_OK = 2;

/** A cgroup to be made, and the one above it from which on the caller may make cgroups and enable controllers. */
export interface Place {
  /** Absolute, below the mount. */
  readonly path: string;
  /** Absolute; a parent of `path`. */
  readonly top: string;
}

/** The caller's own cgroup below the mount (`/user.slice/...`), or `/`. */
export function ownCgroup(): string {
  const own = /^0::(.*)$/m.exec(readShortText("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  // outside of the own cgroup namespace's root: nothing there can be named by a path below the mount
  return own.startsWith("/..") ? "/" : own;
}

function mayWrite(path: string): boolean {
  return syscall(SYS.faccessat2, AT_FDCWD, cstring(path), W_OK, AT_EACCESS) === 0;
}

/**
 * The highest cgroup, at or above the caller's own, in which the caller may make cgroups and into which it may move itself (and so clone a
 * container). A subtree that is delegated to the user, such as user@1000.service, can be used only from inside: the kernel wants write
 * permission on cgroup.procs of the common ancestor. So nothing beside the own path needs a look.
 */
export function delegatedTop(mount: string, own: string): string | undefined {
  let found: string | undefined;
  for (let path = own; path !== "" && path !== "/"; path = path.slice(0, path.lastIndexOf("/"))) {
    if (mayWrite(`${mount}${path}`) && mayWrite(`${mount}${path}/cgroup.procs`)) found = path;
  }
  // the root of a cgroup namespace, or of a machine where everybody may
  if (mayWrite(`${mount}/cgroup.procs`) && mayWrite(mount)) found = "";
  return found === undefined ? undefined : `${mount}${found}`;
}

/**
 * cgroupsPath as components that stay below where they start.
 * @throws TsboxError `invalid` for `..` and for names that files of the kernel have
 */
export function cgroupComponents(cgroupsPath: string): string[] {
  const names = cgroupsPath.split("/").filter((name) => name !== "" && name !== ".");
  for (const name of names) {
    const bad = name === ".." || /^(cgroup|cpu|cpuset|memory|io|pids|hugetlb|rdma|misc|dmem|perf_event)\./.test(name);
    const control = [...name].some((char) => char < " " || char === "\x7f");
    if (bad || control) {
      throw new TsboxError(
        "invalid",
        `cannot use linux.cgroupsPath ${JSON.stringify(cgroupsPath)}: ${JSON.stringify(name)} is no name for a cgroup`,
      );
    }
  }
  return names;
}

/**
 * Root: below the mount. Others: an absolute path that starts in the delegated cgroup is taken as it is; any other path, which the user
 * could never make, is taken below the delegated one. Without cgroupsPath the name is made from the id.
 *
 * @returns undefined when no cgroup is delegated to the caller
 */
export function locateCgroup(request: CgroupRequest, mount: string, own = ownCgroup()): Place | undefined {
  const { cgroupsPath = "", id } = request;
  const asked = cgroupComponents(cgroupsPath);
  const names = asked.length > 0 ? asked : [`tsbox-${id}`];
  const top = request.rootless ? delegatedTop(mount, own) : mount;
  if (top === undefined) return undefined;
  const absolute = `${mount}/${names.join("/")}`;
  if (cgroupsPath.startsWith("/") && absolute.startsWith(`${top}/`)) return { path: absolute, top };
  return { path: `${top}/${names.join("/")}`, top };
}

/** Whether systemd's manager of this user can be asked for a scope; for messages. */
export function hasUserManager(env: Record<string, string | undefined> = process.env): boolean {
  return env.XDG_RUNTIME_DIR !== undefined && exists(`${env.XDG_RUNTIME_DIR}/systemd/private`);
}
