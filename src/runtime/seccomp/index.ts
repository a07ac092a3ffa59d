/** Filters of system calls: `linux.seccomp`, profiles, and the program for seccomp(2). */
export type { Architecture } from "./architecture.ts";
export { type CompiledSeccomp, compileSeccomp } from "./compile.ts";
export { defaultFilter } from "./default-filter.ts";
export { defaultProfile, type Host } from "./profile.ts";

/** As `loadProfile` of `load-profile.ts`, which is loaded only when it is called. */
export async function loadProfile(...args: Parameters<typeof import("./load-profile.ts").loadProfile>) {
  const { loadProfile } = await import("./load-profile.ts");
  return loadProfile(...args);
}
