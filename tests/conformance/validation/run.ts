/**
 * Runs the validation suite against a runtime: `bun tests/conformance/validation/run.ts --runtime PATH [--json] [--verbose] [CASE]...`
 *
 * As root. Prints a table, with `--verbose` all that each case printed, or with `--json` what `peers.json` keeps.
 */
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Suite, validationSuite } from "./suite.ts";
import { parseTap, type Result } from "./tap.ts";

/** How a case of the suite went. */
export type CaseResult = {
  readonly name: string;
  /** "fail" when a result is "not ok", or when the program ended badly or had to be killed */
  readonly outcome: "pass" | "fail" | "skip";
  readonly results: readonly Result[];
  /** what the program wrote to stderr, and how it ended if not well */
  readonly said: string;
  /** what the program wrote to stdout */
  readonly tap: string;
};

/** The longest case waits ten seconds twice. */
const TIME_OUT_MS = 90_000;

/** Cases mostly sleep between two looks at a container's state. */
const AT_A_TIME = 4;

/**
 * @param runtime absolute path of the runtime's executable; it is called by this name
 * @param only names of cases, all if empty
 * @returns results in the order of the suite's names
 */
export async function runSuite(suite: Suite, runtime: string, only: readonly string[] = []): Promise<CaseResult[]> {
  const names = suite.cases.filter((name) => only.length === 0 || only.includes(name));
  const results = new Map<string, CaseResult>();
  const waiting = names.values();
  const worker = async () => {
    for (const name of waiting) results.set(name, await runCase(suite, runtime, name));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return names.flatMap((name) => results.get(name) ?? []);
}

async function runCase(suite: Suite, runtime: string, name: string): Promise<CaseResult> {
  const cgroup = mkdtempSync(join(cgroup2(), "validation-"));
  try {
    // The shell joins the cgroup before anything of the case runs.
    const join_ = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"';
    const program = [join(import.meta.dir, "case.sh"), join(suite.folder, "cases", name)];
    const child = Bun.spawn(["setsid", "sh", "-c", join_, "sh", cgroup, ...program], {
      cwd: suite.folder,
      env: { PATH: process.env.PATH ?? "", RUNTIME: runtime, HOME: "/root" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, TIME_OUT_MS);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const status = await child.exited;
    clearTimeout(timer);
    const end = late ? [`killed after ${TIME_OUT_MS / 1000} s`] : status === 0 ? [] : [`exit status ${status}`];
    const results = [...parseTap(stdout), ...end.map((description) => ({ ok: false, skipped: false, description }))];
    return { name, outcome: judge(results), results, said: [stderr.trim(), ...end].join("\n").trim(), tap: stdout };
  } finally {
    await removeCgroups(cgroup);
  }
}

function judge(results: readonly Result[]): CaseResult["outcome"] {
  if (results.some(({ ok }) => !ok)) return "fail";
  return results.length > 0 && results.every(({ skipped }) => skipped) ? "skip" : "pass";
}

/** Where version 2 of cgroups is mounted on this machine. @throws Error if it is nowhere */
export function cgroup2(): string {
  const line = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((each) => each.split(" ")[2] === "cgroup2");
  const path = line?.split(" ")[1];
  if (path === undefined) throw new Error("no cgroup2 is mounted");
  return path;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}

/** Processes of the case are gone with their pid namespace, but the kernel may take a moment. */
async function removeCgroups(folder: string): Promise<void> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroups(join(folder, entry.name));
  }
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if (tries === 50) throw error;
      await Bun.sleep(100);
    }
  }
}

/**
 * The failures of each case that are there in every one of `tries` runs, by name of case; cases that passed or were skipped
 * once are not in it. Some cases are races that a correct runtime loses now and then.
 */
export async function steadyFailures(suite: Suite, runtime: string, tries: number): Promise<Map<string, string[]>> {
  const steady = new Map<string, string[]>();
  let failing = [...suite.cases];
  for (let run = 0; run < tries && failing.length > 0; run++) {
    const results = (await runSuite(suite, runtime, failing)).filter(({ outcome }) => outcome === "fail");
    steady.clear();
    for (const result of results) steady.set(result.name, failures(result));
    failing = results.map(({ name }) => name);
  }
  return steady;
}

/** What `peers.json` keeps of a case: the descriptions of what failed. */
export function failures(result: CaseResult): string[] {
  const failed = result.results.filter(({ ok }) => !ok).map(({ description }) => description);
  return [...new Set(failed)].sort();
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  const runtime = words[words.indexOf("--runtime") + 1];
  if (!words.includes("--runtime") || runtime === undefined) throw new Error("--runtime PATH is missing");
  const only = words.filter((word) => !word.startsWith("--") && word !== runtime);
  const path = Bun.which(runtime) ?? runtime;
  const results = await runSuite(validationSuite(), path, only);
  if (words.includes("--json")) {
    console.log(JSON.stringify(Object.fromEntries(results.map((result) => [result.name, failures(result)])), null, 2));
  } else {
    for (const result of results) {
      console.log(`${result.outcome.padEnd(5)} ${result.name}`);
      for (const { ok, description } of result.results) if (!ok) console.log(`        not ok: ${description}`);
      if (words.includes("--verbose")) console.log(result.tap.replace(/^/gm, "        "));
      if (result.outcome === "fail" && result.said !== "") console.log(result.said.replace(/^/gm, "        | "));
    }
    const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
    console.log(`${basename(path)}: ${count("pass")} pass, ${count("fail")} fail, ${count("skip")} skip`);
  }
}
