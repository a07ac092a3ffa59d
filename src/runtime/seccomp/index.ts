/** Filters of system calls: `linux.seccomp`, profiles, and the program for seccomp(2). */
import type { LinuxSeccomp } from "../../oci/index.ts";
import type { Host } from "./profile.ts";

export type { Architecture } from "./architecture.ts";
export { type CompiledSeccomp, compileSeccomp } from "./compile.ts";
export { defaultFilter } from "./default-filter.ts";
export { defaultProfile, type Host } from "./profile.ts";

/** `loadProfile` of `load-profile.ts`, which with its schemas is loaded only now. */
export async function loadProfile(
  json: unknown,
  capabilities: ReadonlySet<string>,
  host?: Host,
): Promise<LinuxSeccomp> {
  const loaded = await import("./load-profile.ts");
  return loaded.loadProfile(json, capabilities, host);
}
