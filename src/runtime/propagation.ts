/** `linux.rootfsPropagation`: whether mounts made outside and inside reach each other. mount_namespaces(7) */
import {
  AT_FDCWD,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_CLOEXEC,
  O_PATH,
  SYS,
} from "../linux/abi.gen.ts";
import { check } from "../linux/errno.ts";
import { readText } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import type { Program } from "../plan/index.ts";

const PROPAGATION: Record<string, number> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

const wanted = (config: RuntimeConfig): number | undefined => PROPAGATION[config.linux?.rootfsPropagation ?? ""];

/**
 * Appended before anything is mounted. What the host shares stays shared only where config.json wants it: binds of such
 * folders then reach the host, as callers intend who ask for it.
 *
 * @param rootfs folder of the host that will be the root, if it is one
 * @throws SyscallError when that folder is not there
 */
export function addHostPropagation(inside: Program, config: RuntimeConfig, rootfs: string | undefined): void {
  const propagation = wanted(config) ?? 0;
  const shared = (propagation & MS_SHARED) !== 0;
  // "unbindable" would refuse the binds that are to come
  const during = shared ? propagation : MS_SLAVE | MS_REC;
  inside.add("mount", [null, "/", null, during, null], { note: "keep the container's mounts from the host" });
  // or the container's own mounts would appear on the host, and pivot_root(2) refuses a root below a shared mount
  if (shared && rootfs !== undefined)
    inside.add("mount", [null, mountPoint(rootfs), null, MS_PRIVATE, null], { note: "keep the root from the host" });
}

/** Appended when the root is the container's. Not recursive: other mounts have options of their own for that. */
export function addRootPropagation(inside: Program, config: RuntimeConfig): void {
  const propagation = wanted(config);
  if (propagation !== undefined)
    inside.add("mount", [null, "/", null, propagation & ~MS_REC, null], { note: "set linux.rootfsPropagation" });
}

/** Where the mount that holds `path` is mounted. proc_pid_fdinfo(5), proc_pid_mountinfo(5) */
function mountPoint(path: string): string {
  const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_PATH | O_CLOEXEC), path);
  try {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/self/fdinfo/${fd}`))?.[1];
    for (const line of readText("/proc/self/mountinfo").split("\n")) {
      const [mount, , , , point = "/"] = line.split(" ");
      if (mount === id)
        return point.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    }
    return "/";
  } finally {
    syscall(SYS.close, fd);
  }
}
