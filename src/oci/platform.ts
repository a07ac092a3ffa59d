/** Platforms: which image of an index runs where. image-spec image-index.md; the order of variants is containerd's. */
import { TsboxError } from "../error.ts";
import type { Descriptor, Platform } from "./types.ts";

/** What other programs call an architecture that the specification calls by Go's name. */
const ARCHITECTURES = new Map<string, readonly [string, string?]>([
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["x64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
  ["i386", ["386"]],
  ["i686", ["386"]],
]);

const PART = /^[A-Za-z0-9_.-]+$/;

/** The same platform under its standard name, without a variant that says nothing. */
export function normalizePlatform({ os, architecture, variant }: Platform): Platform {
  const [name, implied] = ARCHITECTURES.get(architecture) ?? [architecture];
  const own = variant === undefined || variant === "" ? implied : variant;
  const kept =
    (name === "arm64" && (own === "v8" || own === "8")) || (name === "amd64" && own === "v1") ? undefined : own;
  const arm = name === "arm" ? (kept === undefined ? "v7" : /^\d/.test(kept) ? `v${kept}` : kept) : kept;
  return arm === undefined ? { os, architecture: name } : { os, architecture: name, variant: arm };
}

export function platformText({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? "" : `/${variant}`}`;
}

/** Whether a program for one runs on the other, variants aside: what an image's configuration says, beside what was asked for. */
export function samePlatform(own: Platform, wanted: Platform): boolean {
  const [one, other] = [normalizePlatform(own), normalizePlatform(wanted)];
  return one.os === other.os && one.architecture === other.architecture;
}

/** The platform of this process, without a variant: every image for the architecture without one runs. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
}

/**
 * @param text `linux/arm64/v8`, or an architecture alone (`arm64`), which means linux
 * @throws TsboxError `usage`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) {
    throw new TsboxError("usage", `cannot use platform ${JSON.stringify(text)}: it is not OS/ARCHITECTURE[/VARIANT]`);
  }
  const [first = "", second, variant] = parts;
  const alone = second === undefined && first !== "linux";
  const architecture = alone ? first : (second ?? hostPlatform().architecture);
  return normalizePlatform({
    os: alone ? "linux" : first.toLowerCase(),
    architecture: architecture.toLowerCase(),
    variant,
  });
}

/** Variants that run on this one, best first. An arm that is v7 runs v6 and v5; amd64 v3 runs v2 and the plain one. */
function runnable({ architecture, variant }: Platform): (string | undefined)[] {
  const level = Number(/^v(\d+)$/.exec(variant ?? "")?.[1] ?? Number.NaN);
  if (Number.isNaN(level)) return [variant];
  const lowest = architecture === "arm" ? 5 : architecture === "amd64" ? 2 : level;
  const variants: (string | undefined)[] = [];
  for (let v = level; v >= lowest; v--) variants.push(`v${v}`);
  return architecture === "arm" ? variants : [...variants, undefined];
}

/**
 * Picks the manifest of an index for a platform.
 *
 * @throws TsboxError `not-found` listing the platforms that there are
 */
export function selectPlatform(manifests: readonly Descriptor[], wanted: Platform, where: string): Descriptor {
  const target = normalizePlatform(wanted);
  // an index may also list attestations, which claim the platform unknown/unknown
  const known = manifests.filter(({ platform }) => platform === undefined || platform.os !== "unknown");
  for (const variant of runnable(target)) {
    const found = known.find(({ platform }) => {
      if (platform === undefined) return false;
      const { os, architecture, variant: own } = normalizePlatform(platform);
      return os === target.os && architecture === target.architecture && own === variant;
    });
    if (found !== undefined) return found;
  }
  // an index of one manifest that does not say for what it is: the configuration will tell
  const silent = known.filter(({ platform }) => platform === undefined);
  if (silent.length === 1 && known.length === 1 && silent[0] !== undefined) return silent[0];
  const available = [
    ...new Set(
      known.flatMap(({ platform }) => (platform === undefined ? [] : [platformText(normalizePlatform(platform))])),
    ),
  ];
  const list = available.length === 0 ? "no platform at all" : available.join(", ");
  throw new TsboxError("not-found", `cannot use ${where}: it is not for ${platformText(target)}; it is for ${list}`);
}
