/** Which kernel runs. */
import { readHostFile, readSysctl } from "../idmap/index.ts";
import { lacks, type Probe, works } from "./probe.ts";

/** openat2 came with 5.6, overlay in user namespaces with 5.11, mount_setattr with 5.12. */
export const MINIMUM_KERNEL = [5, 12] as const;

export interface Kernel {
  readonly release: string;
  readonly architecture: string;
}

export function probeKernel(root = ""): Probe<Kernel> {
  const release = readHostFile("/proc/sys/kernel/osrelease", root)?.trim() ?? "";
  const kernel = { release, architecture: process.arch };
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  const [wantMajor, wantMinor] = MINIMUM_KERNEL;
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return works(kernel);
  return lacks(kernel, `Linux ${wantMajor}.${wantMinor} or later is needed`, "boot a newer kernel");
}

/** Namespaces that were added late, by their file in `/proc/self/ns`. */
export function probeNamespaces(has: (path: string) => boolean): Probe<readonly string[]> {
  const missing = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"].filter(
    (name) => !has(`/proc/self/ns/${name}`),
  );
  return missing.length === 0
    ? works([])
    : lacks(missing, `the kernel has no ${missing.join(" and no ")} namespaces`, "boot a kernel that has them");
}

/** Whether anonymous files may be executed: tsbox runs its native program from one. sysctl vm.memfd_noexec, since 6.3. */
export function probeMemfdExec(root = ""): Probe<number> {
  const value = readSysctl("vm.memfd_noexec", root) ?? 0;
  return value < 2
    ? works(value)
    : lacks(value, "vm.memfd_noexec=2 forbids to execute memfds", "an administrator runs: sysctl vm.memfd_noexec=1");
}
