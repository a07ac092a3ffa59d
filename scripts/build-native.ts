/**
 * Compiles `native/*.c`, the program that executes plans, for x86-64 and arm64:
 *
 *     bun scripts/build-native.ts [x64|arm64]...     into dist/native/tsbox-native-{x64,arm64}
 *
 * The result has no libc, no dynamic loader and no constructors: it runs in namespaces where nothing else exists yet,
 * from a memfd, and every page it touches is memory that a container costs for as long as it lives.
 */
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..");

export type Arch = "x64" | "arm64";

const TRIPLE: Record<Arch, string> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };

const FLAGS = [
  "-std=gnu11",
  "-Os",
  "-Wall",
  "-Wextra",
  "-Werror",
  // No libc: the compiler may assume neither its headers' functions nor its start-up code.
  "-ffreestanding",
  "-nostdlib",
  "-static",
  // A stack protector needs thread-local storage, which only a libc sets up.
  "-fno-stack-protector",
  // Otherwise gcc recognises the loop inside our own memset and replaces it with a call to memset.
  "-fno-tree-loop-distribute-patterns",
  // Nothing unwinds; the tables would be mapped memory for nothing.
  "-fno-asynchronous-unwind-tables",
  "-fno-unwind-tables",
  // Fixed addresses need no relocation code at start.
  "-fno-pie",
  "-no-pie",
  "-ffunction-sections",
  "-fdata-sections",
  "-Wl,--gc-sections",
  "-Wl,-z,noexecstack",
  // One mapping for code and constants: fewer pages of each process.
  "-Wl,-z,noseparate-code",
  // Same sources, same bytes: no build id, no paths of this machine.
  "-Wl,--build-id=none",
  `-ffile-prefix-map=${ROOT}=.`,
  "-s",
];

// The outline-atomics helpers of arm64 live in libgcc, which is not linked.
const ARCH_FLAGS: Record<Arch, readonly string[]> = { x64: ["-fcf-protection=none"], arm64: ["-mno-outline-atomics"] };

/** Where the built program for `arch` is, whether or not it has been built. */
export function nativePath(arch: Arch): string {
  return join(ROOT, "dist", "native", `tsbox-native-${arch}`);
}

/**
 * Builds one program and returns its path. The file is renamed into place, so that a test or a container which runs
 * the old one meanwhile is not disturbed.
 *
 * @throws Error with the compiler's messages, or with the name of the package that brings the missing compiler
 */
export function buildNative(arch: Arch): string {
  const compiler = `${TRIPLE[arch]}-gcc`;
  if (Bun.which(compiler) === null) {
    throw new Error(
      `cannot build the native program: ${compiler} is missing (apt-get install gcc-${debianName(arch)})`,
    );
  }
  const folder = join(ROOT, "native");
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(folder, name));
  if (sources.length === 0) throw new Error(`cannot build the native program: no C file in ${folder}`);
  const output = nativePath(arch);
  mkdirSync(join(output, ".."), { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const result = Bun.spawnSync([compiler, ...FLAGS, ...ARCH_FLAGS[arch], "-o", fresh, ...sources]);
  if (!result.success) throw new Error(result.stderr.toString());
  renameSync(fresh, output);
  return output;
}

/** Debian names its compiler packages with dashes where the triple has underscores. */
function debianName(arch: Arch): string {
  return TRIPLE[arch].replace("_", "-");
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  for (const arch of wanted) if (arch !== "x64" && arch !== "arm64") throw new Error(`unknown architecture ${arch}`);
  for (const arch of (wanted.length === 0 ? ["x64", "arm64"] : wanted) as Arch[]) {
    const path = buildNative(arch);
    console.log(`${path} ${statSync(path).size} bytes`);
  }
}
