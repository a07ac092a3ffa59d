/**
 * Builds the executable:
 *
 *     bun scripts/build.ts [--target linux-x64|linux-arm64|linux-x64-musl|linux-arm64-musl] [--outfile FILE] [--entry FILE]
 *
 * Without options it makes `dist/tsbox` for this machine; with `--target`, `dist/tsbox-TARGET`.
 *
 * What was measured (Bun 1.4.5, `--version`, medians of 150 interleaved runs; an empty compiled program took 4.9 ms):
 *
 * - bytecode: 27 ms without it, 12 ms with it, for a program that can reach valibot, fflate and tar-stream.
 * - code splitting (with format "esm"): 1.5 ms less where big modules are behind `import()`; without it they are
 *   concatenated into the entry and, though not run, loaded. Top-level await works only in "esm".
 * - a bytecode order file (`bytecodeOrder`): nothing measurable on top of splitting, so none is kept.
 * - the modules of a command in few files (`hot-bundles.ts`): 1 ms of `run`.
 * - constants put in their place (`inline-constants.ts`): 0.5 ms; namespace objects (`import * as`) of big modules cost each start.
 * - `jitPolicy`: 2 to 3 ms of `run` (and of processor time) were the engine's threads, compiling what runs once.
 * - what the entry touches: `process.stdout` adds 10 ms (it makes a Node stream; `console.log` and
 *   `Bun.stdout.write` add nothing), `node:tty` 5 ms, `node:crypto` 3.3 ms, `node:fs` 1.2 ms, valibot 0.8 ms; `node:path`,
 *   `node:os`, `bun:ffi` and citty nothing that could be told from noise.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildNative, ROOT } from "./build-native.ts";
import { bunExecutable, hostTarget, TARGETS, type Target } from "./bun-runtime.ts";
import { hotBundles } from "./hot-bundles.ts";
import { inlineConstants } from "./inline-constants.ts";

export type BuildOptions = {
  readonly target: Target;
  /** the executable to write */
  readonly outfile: string;
  /** the module to start with; src/main.ts in earnest, another for measuring */
  readonly entry: string;
};

/** What is loaded by commands whose start-up matters, at each of their steps: see hot-bundles.ts. */
const HOT = [
  ["cli/run.ts"],
  ["cli/run.ts", "container/detach.ts", "runtime/detached.ts"],
  ["cli/exec.ts", "runtime/lifecycle/exec-plan.ts"],
  ["cli/ps.ts"],
  ["cli/oci/main.ts", "cli/oci/create.ts", "runtime/lifecycle/create.ts"],
  ["cli/oci/main.ts", "cli/oci/exec.ts", "runtime/lifecycle/exec.ts"],
  [
    ...["main", "start", "state", "kill", "delete"].map((name) => `cli/oci/${name}.ts`),
    ...["start", "state", "kill", "delete", "discard"].map((name) => `runtime/lifecycle/${name}.ts`),
  ],
].map((group) => group.map((file) => join(ROOT, "src", file)));

/**
 * Builds one executable, native program included, and renames it into place.
 *
 * @throws Error with the messages of the compiler or of the bundler
 */
export async function build({ target, outfile, entry }: BuildOptions): Promise<void> {
  const native = readFileSync(buildNative(target.arch)).toBase64();
  const constants = await inlineConstants(target.arch);
  mkdirSync(dirname(outfile), { recursive: true });
  // A folder of its own, so that the file has its final name: Bun writes the name into the program.
  const folder = mkdtempSync(join(dirname(outfile), ".build-"));
  const fresh = join(folder, basename(outfile));
  // within the project, whose package.json tells the bundler that modules have no side effects
  const bundles = mkdtempSync(join(ROOT, "dist", ".hot-"));
  try {
    const config = {
      target: "bun",
      define: {
        ...constants.define,
        TSBOX_NATIVE_BASE64: JSON.stringify(native),
        TSBOX_COMMIT: JSON.stringify(commit()),
        "process.env.NODE_ENV": '"production"',
        // drops the other machine's tables
        "process.arch": JSON.stringify(target.arch),
      },
    } as const;
    const hot = await hotBundles(entry, HOT, bundles, { ...config, plugins: [constants.plugin] });
    const result = await Bun.build({
      ...config,
      entrypoints: [entry],
      plugins: [hot, constants.plugin],
      format: "esm",
      splitting: true,
      bytecode: true,
      minify: true,
      compile: {
        executablePath: bunExecutable(target),
        outfile: fresh,
        // tsbox is started in folders that belong to other projects, or to nobody one trusts.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
        // Most commands end before compiling to machine code pays; the others say so (linux/engine.ts).
        jitPolicy: 1000,
      },
    });
    if (!result.success) throw new AggregateError(result.logs, `cannot bundle ${entry}`);
    const executable = disownBun(readFileSync(fresh));
    // an import that no bundle resolved would read the sources of this machine, or of an attacker on another
    if (executable.includes(join(ROOT, "src/")))
      throw new Error(`a module of ${ROOT}/src is named in ${outfile}, not contained`);
    writeFileSync(fresh, executable);
    chmodSync(fresh, 0o755);
    renameSync(fresh, outfile);
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(bundles, { recursive: true });
  }
}

/** What is built, for `tsbox --version`; sources need not come from git. */
function commit(): string {
  const { success, stdout } = Bun.spawnSync(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"], {
    stderr: "ignore",
  });
  return success ? stdout.toString().trim() : "unknown";
}

/**
 * Environment variables by which Bun lets a person reconfigure every Bun program. In a compiled program they still work
 * in 1.4.5, and there is no option against it: `BUN_BE_BUN=1 tsbox run x` is `bun run x`, and a `BUN_OPTIONS` meant for
 * the user's own projects would preload their files into tsbox. So the names are overwritten in the executable.
 */
const BUN_VARIABLES = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT_PRELOAD", "BUN_INSPECT_CONNECT_TO"] as const;

/** @throws Error when a name is not in the executable: another version of Bun, for which this must be thought out anew */
function disownBun(executable: Buffer): Buffer {
  for (const name of BUN_VARIABLES) {
    let count = 0;
    for (let at = executable.indexOf(name); at !== -1; at = executable.indexOf(name, at)) {
      // An "=" cannot be part of a variable's name, so nobody can set the one that is looked up instead.
      executable.fill("=", at, at + name.length);
      count += 1;
    }
    if (count === 0) throw new Error(`cannot disable ${name}: this Bun does not mention it`);
  }
  return executable;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { target: { type: "string" }, outfile: { type: "string" }, entry: { type: "string" } },
  });
  const target = values.target === undefined ? hostTarget() : TARGETS.find(({ name }) => name === values.target);
  if (target === undefined) {
    console.error(`unknown target ${values.target}: one of ${TARGETS.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }
  const name = values.target === undefined ? "tsbox" : `tsbox-${target.name}`;
  const outfile = resolve(values.outfile ?? join(ROOT, "dist", name));
  await build({ target, outfile, entry: resolve(values.entry ?? join(ROOT, "src/main.ts")) });
  console.log(`${outfile} ${(statSync(outfile).size / 1e6).toFixed(1)} MB`);
}
