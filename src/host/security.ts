/** Security modules and settings that bear on containers. */
import { readHostFile, readSysctl } from "../idmap/index.ts";
import { hasNoNewPrivs, hasSeccompFilter, kernelHasSeccomp } from "../linux/process-state.ts";
import { lacks, type Probe, works } from "./probe.ts";

export interface SeccompState {
  readonly kernel: boolean;
  /** A filter is already on tsbox itself, as in a Docker container. */
  readonly filtered: boolean;
}

export function probeSeccomp(): Probe<SeccompState> {
  const value = { kernel: kernelHasSeccomp(), filtered: hasSeccompFilter() };
  if (!value.kernel) {
    return lacks(value, "the kernel has no seccomp filters", "boot a kernel with CONFIG_SECCOMP_FILTER=y");
  }
  return works(value);
}

export interface SecurityModules {
  readonly apparmor: boolean;
  readonly selinux: "enforcing" | "permissive" | "off";
  /** kernel.yama.ptrace_scope, undefined without Yama. */
  readonly yama: number | undefined;
  readonly noNewPrivs: boolean;
}

/** None of these hinders by itself; what they forbid shows up in the other probes. */
export function readSecurityModules(root = ""): SecurityModules {
  const enforce = readHostFile("/sys/fs/selinux/enforce", root)?.trim();
  return {
    apparmor: readHostFile("/sys/module/apparmor/parameters/enabled", root)?.trim() === "Y",
    selinux: enforce === undefined ? "off" : enforce === "1" ? "enforcing" : "permissive",
    yama: readSysctl("kernel.yama.ptrace_scope", root),
    noNewPrivs: hasNoNewPrivs(),
  };
}
