/** The OCI runtime: config.json to a plan that the native program carries out. */
export { ALL_CAPABILITIES } from "./capabilities.ts";
export { createCgroup } from "./cgroup.ts";
export { type CompileOptions, compileForeground } from "./compile.ts";
export type { SeccompFilter } from "./process.ts";
export { type CgroupSetting, cgroupSettings } from "./resources.ts";
export { type CompiledSeccomp, compileSeccomp, defaultFilter, loadProfile } from "./seccomp/index.ts";
