/** What this runtime supports, as runtime-spec features.md has it. A list says all that there is. */
import { type RuntimeFeatures, seccompNames } from "../../oci/index.ts";
import { ALL_CAPABILITIES } from "../capabilities.ts";
import { mountOptionNames } from "../mount-options.ts";
import { NAMESPACE_TYPES } from "../namespaces.ts";
import { criuPath } from "./criu/program.ts";

/** runc's name. CRIU is not part of tsbox, so it may be missing. */
const CHECKPOINT = "org.opencontainers.runc.checkpoint.enabled";

export async function runtimeFeatures(): Promise<RuntimeFeatures> {
  const seccomp = await seccompNames();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: mountOptionNames(),
    annotations: { [CHECKPOINT]: String(criuPath() !== undefined) },
    linux: {
      namespaces: NAMESPACE_TYPES,
      capabilities: ALL_CAPABILITIES,
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: seccomp.actions,
        operators: seccomp.operators,
        archs: seccomp.architectures,
        knownFlags: seccomp.flags,
        supportedFlags: seccomp.flags,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
  };
}
