/** The OCI runtime: config.json to a plan that the native program carries out. */
export { ALL_CAPABILITIES } from "./capabilities.ts";
export * from "./cgroup/index.ts";
export { type CompileOptions, compileForeground } from "./foreground.ts";
export type { SeccompFilter } from "./process.ts";
export { type CompiledSeccomp, compileSeccomp, defaultFilter, loadProfile } from "./seccomp/index.ts";
export type { SecretFile } from "./secrets.ts";
export type { ServedOptions } from "./served.ts";
export type { VolumeMount } from "./volume-mounts.ts";
