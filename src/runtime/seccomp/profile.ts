/**
 * Profiles as Docker and Podman write them for `--security-opt seccomp=FILE`: `linux.seccomp` of the runtime specification, with
 * rules that depend on the architecture, on capabilities and on the kernel. Both engines document the format by their code:
 * github.com/moby/profiles/seccomp, github.com/containers/common/pkg/seccomp.
 */
import { release } from "node:os";
import { TsboxError } from "../../error.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../../oci/index.ts";
import { type Architecture, hostArchitecture } from "./architecture.ts";
import { dockerProfile } from "./default-profile.ts";

export interface Profile extends Omit<LinuxSeccomp, "syscalls"> {
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | undefined;
  }[];
  readonly syscalls?: readonly ProfileRule[] | undefined;
}

export interface ProfileRule extends LinuxSyscall {
  /** The rule holds only where all of this is so. */
  readonly includes?: Circumstances | undefined;
  /** The rule does not hold where any of this is so. */
  readonly excludes?: Circumstances | undefined;
}

export interface Circumstances {
  /** Names of Go: `amd64`. */
  readonly arches?: readonly string[] | undefined;
  readonly caps?: readonly string[] | undefined;
  /** `4.8` */
  readonly minKernel?: string | undefined;
}

export interface Host {
  readonly arch: Architecture;
  /** As of uname(2); `6.1.0-13-amd64`. */
  readonly kernelVersion: string;
}

/** The machine that tsbox runs on. */
export function thisHost(): Host {
  return { arch: hostArchitecture(), kernelVersion: release() };
}

/**
 * The default profile for a container.
 * @param capabilities its bounding set: `CAP_CHOWN`
 */
export function defaultProfile(capabilities: ReadonlySet<string>, host: Host = thisHost()): LinuxSeccomp {
  return applyProfile(dockerProfile(), capabilities, host);
}

const ENGINE_NAMES = {
  x86_64: { go: "amd64", token: "SCMP_ARCH_X86_64" },
  aarch64: { go: "arm64", token: "SCMP_ARCH_AARCH64" },
} as const satisfies Record<Architecture, unknown>;

/**
 * What a profile says for one container on one host.
 * @throws TsboxError `invalid`
 */
export function applyProfile(profile: Profile, capabilities: ReadonlySet<string>, host: Host): LinuxSeccomp {
  const { archMap = [], architectures = [], syscalls = [], ...rest } = profile;
  if (archMap.length > 0 && architectures.length > 0) {
    throw new TsboxError("invalid", "cannot read the seccomp profile: it has both architectures and archMap");
  }
  const { go, token } = ENGINE_NAMES[host.arch];
  const own = archMap.find(({ architecture }) => architecture === token);
  const holds = (what: Circumstances, every: boolean) => {
    const { arches = [], caps = [], minKernel } = what;
    const has = (cap: string) => capabilities.has(cap);
    const answers = [
      ...(arches.length > 0 ? [arches.includes(go)] : []),
      ...(caps.length > 0 ? [every ? caps.every(has) : caps.some(has)] : []),
      ...(minKernel ? [isAtLeast(host.kernelVersion, minKernel)] : []),
    ];
    return every ? !answers.includes(false) : answers.includes(true);
  };
  return {
    ...rest,
    architectures: own === undefined ? architectures : [own.architecture, ...(own.subArchitectures ?? [])],
    syscalls: syscalls
      .filter(({ includes = {}, excludes = {} }) => holds(includes, true) && !holds(excludes, false))
      .map(({ includes, excludes, ...rule }) => rule),
  };
}

/** Compares the first two numbers, as Docker does. */
export function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = numbers(kernel);
  const [leastMajor = 0, leastMinor = 0] = numbers(least);
  return major === leastMajor ? minor >= leastMinor : major > leastMajor;
}

function numbers(version: string): number[] {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) {
    throw new TsboxError("invalid", `cannot read the seccomp profile: ${version} is not a kernel version`);
  }
  return match.slice(1).map(Number);
}
