/**
 * The Bun executables that tsbox is compiled into, one for each platform it can be built for. The one that runs this
 * script serves its own platform; the others are fetched from the npm registry, at exactly the version in
 * `package.json`, and kept in `dist/cache`. (Left alone, `bun build --compile --target` would download from GitHub,
 * which a build behind a registry mirror cannot reach.)
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Arch, ROOT } from "./build-native.ts";

export type Target = { readonly name: string; readonly arch: Arch; readonly package: string };

/** What `--target` takes. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", arch: "x64", package: "@oven/bun-linux-x64" },
  { name: "linux-arm64", arch: "arm64", package: "@oven/bun-linux-aarch64" },
  { name: "linux-x64-musl", arch: "x64", package: "@oven/bun-linux-x64-musl" },
  { name: "linux-arm64-musl", arch: "arm64", package: "@oven/bun-linux-aarch64-musl" },
];

/** The platform this machine is. */
export function hostTarget(): Target {
  const musl = existsSync("/lib/ld-musl-x86_64.so.1") || existsSync("/lib/ld-musl-aarch64.so.1");
  const glibc = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const suffix = musl && glibc.header?.glibcVersionRuntime === undefined ? "-musl" : "";
  const target = TARGETS.find(({ name }) => name === `linux-${process.arch}${suffix}`);
  if (target === undefined)
    throw new Error(`tsbox is built on Linux on x64 or arm64, not on ${process.platform} ${process.arch}`);
  return target;
}

/**
 * Returns the path of a Bun executable for `target`, fetching it once if needed.
 *
 * npm checks the package against the registry's integrity hash. The file appears in the cache whole or not at all.
 *
 * @throws Error when the registry cannot be reached
 */
export function bunExecutable(target: Target): string {
  if (target.name === hostTarget().name) return process.execPath;
  const version = Bun.version;
  const cache = join(ROOT, "dist", "cache");
  const path = join(cache, `bun-${target.name}-${version}`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fetch-"));
  try {
    run(["npm", "pack", "--silent", "--pack-destination", folder, `${target.package}@${version}`]);
    run(["tar", "-xzf", ...new Bun.Glob("*.tgz").scanSync({ cwd: folder, absolute: true }), "-C", folder]);
    const { version: fetched } = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8"));
    if (fetched !== version) throw new Error(`cannot use ${target.package}: it is version ${fetched}, not ${version}`);
    renameSync(join(folder, "package/bin/bun"), path);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return path;
}

function run(command: string[]): void {
  const result = Bun.spawnSync(command);
  if (!result.success) throw new Error(`cannot run ${command.join(" ")}: ${result.stderr.toString().trim()}`);
}
