/** The OCI runtime: config.json to a plan that the native program carries out. */
import type { DetachedOptions } from "./detached.ts";
import type { HolderOptions } from "./holder.ts";
import type { ExecPlan } from "./lifecycle/exec-plan.ts";

export { ALL_CAPABILITIES } from "./capabilities.ts";
export * from "./cgroup/index.ts";
export type { AttachedClient, DetachedOptions, LogDriver } from "./detached.ts";
export type { FileAddition } from "./file-additions.ts";
export { type CompileOptions, compileForeground } from "./foreground.ts";
export type { HealthCheck } from "./health.ts";
export type { HolderOptions } from "./holder.ts";
export { CLIENT_FD, LOCK_FD, TERMINAL_FD } from "./lock-fd.ts";
export type { SeccompFilter } from "./process.ts";
export type { OwnedVolumes } from "./removal.ts";
export { type CompiledSeccomp, compileSeccomp, defaultFilter, loadProfile } from "./seccomp/index.ts";
export type { SecretFile } from "./secrets.ts";
export type { ServedOptions } from "./served.ts";
export type { VolumeMount } from "./volume-mounts.ts";

// Loaded only when they are needed: containers that run in the foreground need none of it.

/** See `detached.ts`. */
export async function compileDetached(options: DetachedOptions): Promise<Uint8Array> {
  return (await import("./detached.ts")).compileDetached(options);
}

/** See `lifecycle/exec-plan.ts`. */
export async function compileExec(exec: ExecPlan): Promise<Uint8Array> {
  return (await import("./lifecycle/exec-plan.ts")).compileExec(exec);
}

/** See `holder.ts`. */
export async function compileHolder(options: HolderOptions): Promise<Uint8Array> {
  return (await import("./holder.ts")).compileHolder(options);
}
