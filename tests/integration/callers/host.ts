/** Where a caller runs: in a place (place.ts), with a home of its own. */
import { mkdirSync } from "node:fs";
import { runOnTerminal, type TerminalSession } from "../../support/terminal.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";
import type { Inside, Place } from "./place.ts";

export type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

const TIME_OUT_MS = 60_000;

export class Host implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly env: Record<string, string>;
  readonly root: boolean;
  readonly #inside: Inside;

  private constructor(root: boolean, folder: TemporaryFolder, inside: Inside) {
    this.root = root;
    this.folder = folder;
    this.#inside = inside;
    const [home, runtime] = [folder.join("home"), folder.join("run")];
    for (const path of [home, runtime]) {
      mkdirSync(path, { mode: 0o700 });
      inside.give(path);
    }
    this.env = { HOME: home, XDG_RUNTIME_DIR: runtime, PATH: inside.path, LANG: "C.UTF-8", TERM: "xterm" };
  }

  static async make(place: Place): Promise<Host> {
    const folder = temporaryFolder();
    try {
      return new Host(place.root, folder, await place.enter(folder));
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }

  /** The command line that runs `command` here. */
  within(command: readonly string[]): string[] {
    return this.#inside.within(command);
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
    await this.#inside[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Asks until the answer is true. @throws Error with `what` after half a minute */
export async function until(what: string, answer: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await answer())) {
    if (Date.now() > end) throw new Error(`not within half a minute: ${what}`);
    await Bun.sleep(100);
  }
}

/** @throws Error that shows both unless they are the same */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!Bun.deepEquals(actual, expected))
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}
