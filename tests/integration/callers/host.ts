/**
 * Where a caller runs: as whoever runs the tests, with a home of its own, and for root in a mount namespace whose /sys/fs/cgroup is
 * version 2 alone, because machines of CI mount both versions and most callers then take the first.
 */
import { mkdirSync } from "node:fs";
import { TEST_PATH } from "../../support/skip.ts";
import { runOnTerminal, type TerminalSession } from "../../support/terminal.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";

export type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

const TIME_OUT_MS = 60_000;

export class Host implements AsyncDisposable {
  readonly folder: TemporaryFolder = temporaryFolder();
  readonly env: Record<string, string>;
  readonly root = process.getuid?.() === 0;
  readonly #namespace: Bun.Subprocess | undefined;

  private constructor(namespace: Bun.Subprocess | undefined) {
    this.#namespace = namespace;
    const [home, runtime] = [this.folder.join("home"), this.folder.join("run")];
    for (const folder of [home, runtime]) mkdirSync(folder, { mode: 0o700 });
    this.env = { HOME: home, XDG_RUNTIME_DIR: runtime, PATH: TEST_PATH, LANG: "C.UTF-8", TERM: "xterm" };
  }

  static async make(): Promise<Host> {
    if (process.getuid?.() !== 0) return new Host(undefined);
    const script = `
      mount --make-rprivate /
      umount --lazy --recursive /sys/fs/cgroup
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
      mount -t tmpfs tmpfs /run
      echo made
      exec sleep infinity`;
    const namespace = Bun.spawn(["unshare", "--mount", "sh", "-euc", script], { stdin: "ignore", stdout: "pipe" });
    for await (const _ of namespace.stdout) break;
    return new Host(namespace);
  }

  /** The command line that runs `command` here. */
  within(command: readonly string[]): string[] {
    if (this.#namespace === undefined) return [...command];
    return ["nsenter", `--mount=/proc/${this.#namespace.pid}/ns/mnt`, "--", ...command];
  }

  /** Runs a command to its end; it is killed after a minute. */
  async run(command: readonly string[]): Promise<Ended> {
    const child = Bun.spawn(this.within(["timeout", "--signal=KILL", String(TIME_OUT_MS / 1000), ...command]), {
      cwd: "/",
      env: this.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { exitCode: await child.exited, stdout, stderr };
  }

  /** Runs a command and returns what it printed. @throws Error with its messages unless it exits with 0 */
  async ok(command: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: exit status ${exitCode}: ${stderr}`);
    return stdout;
  }

  /** A command that goes on until it is killed by its pid. */
  start(command: readonly string[]): Bun.Subprocess {
    return Bun.spawn(this.within(command), {
      cwd: "/",
      env: this.env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
  }

  terminal(command: readonly string[]): TerminalSession {
    return runOnTerminal(this.within(command), { cwd: "/", env: this.env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#namespace?.kill("SIGKILL");
    await this.#namespace?.exited;
    this.folder[Symbol.dispose]();
  }
}

/** Asks until the answer is true. @throws Error with `what` after ten seconds */
export async function until(what: string, answer: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await answer())) {
    if (Date.now() > end) throw new Error(`not within ten seconds: ${what}`);
    await Bun.sleep(100);
  }
}

/** @throws Error that shows both unless they are the same */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!Bun.deepEquals(actual, expected))
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}
