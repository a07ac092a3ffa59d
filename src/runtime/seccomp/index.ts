/** Filters of system calls: `linux.seccomp`, profiles, and the program for seccomp(2). The compiler is loaded when it is needed. */
import type { LinuxSeccomp } from "../../oci/index.ts";
import type { Architecture } from "./architecture.ts";
import type { CompiledSeccomp } from "./compile.ts";
import type { Host } from "./profile.ts";

export type { Architecture } from "./architecture.ts";
export type { CompiledSeccomp } from "./compile.ts";
export { defaultFilter } from "./default-filter.ts";
export { addListener, type SeccompListener } from "./listener.ts";
export type { Host } from "./profile.ts";

/** See `compile.ts`. */
export async function compileSeccomp(config: LinuxSeccomp, arch?: Architecture): Promise<CompiledSeccomp> {
  return (await import("./compile.ts")).compileSeccomp(config, arch);
}

/** See `load-profile.ts`. */
export async function loadProfile(
  json: unknown,
  capabilities: ReadonlySet<string>,
  host?: Host,
): Promise<LinuxSeccomp> {
  return (await import("./load-profile.ts")).loadProfile(json, capabilities, host);
}
