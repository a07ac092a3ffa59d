/** The default profile's program, without compiling it for the capabilities that containers mostly have. */
import { type CompiledSeccomp, compileSeccomp } from "./compile.ts";
import { DECISIVE_CAPABILITIES } from "./default-profile.ts";
import { PRECOMPILED } from "./precompiled.gen.ts";
import { defaultProfile, type Host, isAtLeast, thisHost } from "./profile.ts";

/** What precompiled programs are for: kernels of which the profile's conditions are met. */
export const PRECOMPILED_FOR = "4.8";

/** Capability sets that are worth it: Docker's default has one of those that matter, and `--cap-drop=ALL` has none. */
export const PRECOMPILED_CAPABILITIES: readonly (readonly string[])[] = [["CAP_SYS_CHROOT"], []];

/** The name of a precompiled program. */
export function precompiledKey(capabilities: ReadonlySet<string>, arch: Host["arch"]): string {
  return [arch, ...DECISIVE_CAPABILITIES.filter((name) => capabilities.has(name))].join(" ");
}

/**
 * The same as `compileSeccomp(defaultProfile(capabilities))`, mostly at no cost.
 * @param capabilities the container's bounding set: `CAP_CHOWN`
 */
export function defaultFilter(capabilities: ReadonlySet<string>, host: Host = thisHost()): CompiledSeccomp {
  const precompiled = PRECOMPILED[precompiledKey(capabilities, host.arch)];
  if (precompiled === undefined || !isAtLeast(host.kernelVersion, PRECOMPILED_FOR)) {
    return compileSeccomp(defaultProfile(capabilities, host), host.arch);
  }
  return { program: Uint8Array.fromBase64(precompiled), flags: 0 };
}
