/** The default profile's program, without compiling it for the capabilities that containers mostly have. */
import type { CompiledSeccomp } from "./compile.ts";
import { DECISIVE_CAPABILITIES, PRECOMPILED } from "./precompiled.gen.ts";
import type { Host } from "./profile.ts";

/** What precompiled programs are for: kernels of which the profile's conditions are met. tsbox needs a later one anyway. */
export const PRECOMPILED_FOR = "4.8";

/** Capability sets that are worth it: Docker's default has one of those that matter, and `--cap-drop=ALL` has none. */
export const PRECOMPILED_CAPABILITIES: readonly (readonly string[])[] = [["CAP_SYS_CHROOT"], []];

export interface DefaultFilter extends CompiledSeccomp {
  /** What it was compiled from, as JSON for `linux.seccomp` of config.json. */
  readonly json: string;
}

/** The name of a precompiled program. @param decisive capabilities on which the profile depends */
export function precompiledKey(
  capabilities: ReadonlySet<string>,
  arch: Host["arch"],
  decisive: readonly string[] = DECISIVE_CAPABILITIES,
): string {
  return [arch, ...decisive.filter((name) => capabilities.has(name))].join(" ");
}

/**
 * The same as `compileSeccomp(defaultProfile(capabilities))`, mostly at no cost: the compiler and its tables are loaded only
 * for sets of capabilities that have no program yet.
 *
 * @param capabilities the container's bounding set: `CAP_CHOWN`
 * @param host another machine than this one, whose kernel is asked for its version
 */
export async function defaultFilter(capabilities: ReadonlySet<string>, host?: Host): Promise<DefaultFilter> {
  const arch = host?.arch ?? (process.arch === "arm64" ? "aarch64" : "x86_64");
  const precompiled = PRECOMPILED[precompiledKey(capabilities, arch)];
  if (host === undefined && precompiled !== undefined) {
    return { program: Uint8Array.fromBase64(precompiled.program), flags: 0, json: precompiled.json.join("") };
  }
  const [{ compileSeccomp }, { defaultProfile, thisHost }] = await Promise.all([
    import("./compile.ts"),
    import("./profile.ts"),
  ]);
  const profile = defaultProfile(capabilities, host ?? thisHost());
  return { ...compileSeccomp(profile, arch), json: JSON.stringify(profile) };
}
