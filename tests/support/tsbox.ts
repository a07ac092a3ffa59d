/** Runs the built executable as a person with a home of their own, so that tests share nothing with the machine or each other. */
import { mkdirSync } from "node:fs";
import { ROOT } from "../../scripts/build-native.ts";
import { TEST_PATH } from "./skip.ts";
import { runOnTerminal, type TerminalSession } from "./terminal.ts";
import { type TemporaryFolder, temporaryFolder } from "./tmp.ts";

export const TSBOX = `${ROOT}/dist/tsbox`;

export type Result = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly stdin?: string | Uint8Array;
  /** added to the person's environment; `undefined` removes a variable */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** milliseconds until it is killed, and the call throws; a minute if not given */
  readonly timeout?: number;
};

export class Person implements Disposable {
  readonly folder: TemporaryFolder = temporaryFolder();
  readonly home = this.folder.join("home");
  /** where `tsbox` keeps images and containers of this person */
  readonly storage = this.folder.join("home/.local/share/tsbox");
  readonly env: Readonly<Record<string, string>>;

  constructor() {
    const runtime = this.folder.join("run");
    for (const folder of [this.home, runtime]) mkdirSync(folder, { mode: 0o700 });
    this.env = { HOME: this.home, XDG_RUNTIME_DIR: runtime, PATH: TEST_PATH, LANG: "C.UTF-8", TERM: "xterm" };
  }

  /** Runs `tsbox ARGS` to its end. A non-zero exit status is a result, not an error. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const child = this.spawn(args, options);
    if (options.stdin !== undefined) child.stdin.write(options.stdin);
    await child.stdin.end();
    const timeout = options.timeout ?? 60_000;
    const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    clearTimeout(timer);
    if (child.signalCode === "SIGKILL") {
      throw new Error(`tsbox ${args.join(" ")} was killed (time-out ${timeout} ms): ${stderr}${stdout}`);
    }
    return { exitCode, stdout, stderr };
  }

  /** Runs `tsbox ARGS` and returns its stdout. @throws Error with its stderr unless it exits with 0 */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args, options);
    if (exitCode !== 0) throw new Error(`tsbox ${args.join(" ")} exited with ${exitCode}: ${stderr}`);
    return stdout;
  }

  /** Starts `tsbox ARGS` with pipes for all three streams. The caller waits for it. */
  spawn(args: readonly string[], options: Pick<RunOptions, "env" | "cwd"> = {}) {
    return Bun.spawn([TSBOX, ...args], {
      cwd: options.cwd ?? this.home,
      env: { ...this.env, ...options.env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** Starts `tsbox ARGS` on a terminal of its own (see terminal.ts). */
  terminal(args: readonly string[], options: Pick<RunOptions, "env" | "cwd"> = {}): TerminalSession {
    return runOnTerminal([TSBOX, ...args], { cwd: options.cwd ?? this.home, env: { ...this.env, ...options.env } });
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}
