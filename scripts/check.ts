/**
 * The gate: format and lint, types, generated files, both builds, tests. `bun run check`, `npm test` and CI are this, and
 * nothing else decides. A step that fails counts as a failed test, and the others still run.
 */
import { join } from "node:path";
import { ROOT } from "./build-native.ts";
import { conclude, runTests } from "./test.ts";

const bin = (name: string) => join(ROOT, "node_modules/.bin", name);

/** Each generator knows `--check`: it fails if what is committed is not what it would write. */
const generators = [...new Bun.Glob("generate-*.ts").scanSync({ cwd: import.meta.dir })].sort();

const STEPS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["format and lint", [bin("biome"), "ci", "--error-on-warnings", "--colors=off"]],
  ["types", [bin("tsc"), "--noEmit"]],
  ...generators.map((file) => [file, [bin("bun"), join("scripts", file), "--check"]] as const),
  ["the native program", [bin("bun"), "scripts/build-native.ts"]],
  ["the executable", [bin("bun"), "scripts/build.ts"]],
  ["the executable for arm64", [bin("bun"), "scripts/build.ts", "--target", "linux-arm64"]],
];

const notes: string[] = [];
for (const [name, command] of STEPS) {
  console.log(`\n# ${name}`);
  const child = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0)
    notes.push(`failed: ${name} (${command.map((word) => word.replace(`${ROOT}/`, "")).join(" ")})`);
}
const tests = await runTests([]);
conclude({ ...tests, failed: tests.failed + notes.length, notes: [...tests.notes, ...notes] });
