/** What this host can do: each probe tries or looks, none guesses from a version alone (except the kernel's). */
export { type Cgroups, probeCgroups } from "./cgroup.ts";
export { type Kernel, MINIMUM_KERNEL, probeKernel, probeMemfdExec, probeNamespaces } from "./kernel.ts";
export { mountTrialOverlay, probeOverlay, type TryOverlay } from "./overlay.ts";
export type { Probe } from "./probe.ts";
export { type FoundProgram, probeDevice, probeProgram } from "./programs.ts";
export { probeSeccomp, readSecurityModules, type SeccompState, type SecurityModules } from "./security.ts";
export { fileSystemName, probeStorage, type Storage } from "./storage.ts";
export { type TrialResult, tryInNamespace } from "./trial.ts";
export { type Ids, probeIds, probeUserNamespace, type TryEnter } from "./user-namespace.ts";
