/**
 * Runs the tests: `bun scripts/test.ts [FILE or FOLDER]...`
 *
 * tsbox is for people who are not root, so its tests run as one. Started as root, there are three passes: everything as
 * `tsbox-ci`; `tests/nosubid/` as `tsbox-nosubid`; `tests/root/`, about what root gets, as root. Started as anybody else
 * there is the first pass, and the rest is said to be left out.
 */
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ROOT } from "./build-native.ts";
import { type Tally, tally } from "./junit.ts";
import { readableTree } from "./readable-tree.ts";
import { asUser, makeTestUser, openDevices, type TestUser } from "./test-user.ts";

const OWN_PASS = { nosubid: "tests/nosubid", root: "tests/root" } as const;

/** Runs every test, or those in `only`, printing as they go. */
export async function runTests(only: readonly string[]): Promise<Tally> {
  const chosen = testFiles(only);
  const isIn = (folder: string) => (file: string) => file.startsWith(`${folder}/`);
  const isOrdinary = (file: string) => !Object.values(OWN_PASS).some((folder) => isIn(folder)(file));
  const ordinary = chosen.filter(isOrdinary);
  if (process.getuid?.() !== 0) {
    const result = await pass(ROOT, ordinary, undefined);
    const others = chosen.filter((file) => !isOrdinary(file));
    result.skipped += others.length;
    result.notes.push(...others.map((file) => `skipped: ${file}: needs root to start it (as the user it is for)`));
    return result;
  }
  openDevices();
  const user = makeTestUser("tsbox-ci");
  const without = makeTestUser("tsbox-nosubid");
  using tree = readableTree(user);
  const tallies = [
    await pass(tree.path, ordinary, user),
    await pass(tree.path, chosen.filter(isIn(OWN_PASS.nosubid)), without),
    await pass(ROOT, chosen.filter(isIn(OWN_PASS.root)), undefined),
  ];
  return tallies.reduce(sum);
}

/** The test files below `only`, relative to the project. */
function testFiles(only: readonly string[]): string[] {
  const all = [...new Bun.Glob("tests/**/*.test.ts").scanSync({ cwd: ROOT })].sort();
  const wanted = only.map((path) => relative(ROOT, join(process.cwd(), path)));
  return wanted.length === 0 ? all : all.filter((file) => wanted.some((path) => `${file}/`.startsWith(`${path}/`)));
}

/** What another user's tests have of the environment. */
const PASSED = ["CI", "TSBOX_CHAOS_SECONDS"];

async function pass(tree: string, files: readonly string[], user: TestUser | undefined): Promise<Tally> {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0, notes: [] };
  const folder = mkdtempSync(join(tmpdir(), "tsbox-report-"));
  if (user !== undefined) chownSync(folder, user.uid, -1);
  const report = join(folder, "junit.xml");
  const bun = join(tree, "node_modules/.bin/bun");
  const command = [
    bun,
    "test",
    // on a busy machine five seconds, Bun's default, are nothing; bunfig.toml has no key for it
    "--timeout=60000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...files.map((file) => `./${file}`),
  ];
  const passed = PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  console.log(`\n${files.length} test files as ${user?.name ?? process.env.USER ?? "the user who started this"}`);
  try {
    const child = Bun.spawn(user === undefined ? command : asUser(user, command, Object.fromEntries(passed)), {
      cwd: tree,
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
    });
    const status = await child.exited;
    const xml = existsSync(report) ? readFileSync(report, "utf8") : "";
    const result = tally(xml, files, process.env.CI === "true");
    if (status !== 0 && result.failed === 0) {
      result.failed = 1;
      result.notes.push(`failed: bun test ended with status ${status}`);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sum = (a: Tally, b: Tally): Tally => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
  notes: [...a.notes, ...b.notes],
});

/** Prints what was skipped or failed and why, then the one line that CI reads; sets the exit status. */
export function conclude({ passed, failed, skipped, notes }: Tally): void {
  if (notes.length > 0) console.log(`\n${notes.join("\n")}`);
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
}

if (import.meta.main) conclude(await runTests(process.argv.slice(2)));
