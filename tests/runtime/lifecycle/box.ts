/** Containers of bundles for the tests of a file: a state folder of its own, and everything gone in the end. */
import { afterAll, beforeAll } from "bun:test";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { type BundleOptions, writeBundle } from "../../support/bundle.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, unprivileged, userNamespaces } from "../../support/skip.ts";
import { Person, type Result, TSBOX } from "../../support/tsbox.ts";

export const needs = [executable, busybox, userNamespaces, unprivileged] as const;
export const test = requires(...needs);

export interface CallOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Descriptors of this process that become 3, 4, ... */
  readonly fds?: readonly number[];
  readonly cwd?: string;
  /** What runs tsbox, such as strace with its flags. */
  readonly under?: readonly string[];
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly owner: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export class Box implements Disposable {
  readonly person = new Person();
  readonly root = this.person.folder.join("state");
  private count = 0;

  /** A path in the folder of this box. */
  path(name: string): string {
    return this.person.folder.join(name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** An id that no other test of the file has. */
  id(): string {
    return `box-${++this.count}`;
  }

  bundle(options: BundleOptions = {}): string {
    const folder = this.path(`bundle-${++this.count}`);
    mkdirSync(folder);
    return writeBundle(folder, options);
  }

  /** A command line of the runtime with this box's state folder. */
  command(args: readonly string[]): string[] {
    return [TSBOX, "oci", "--root", this.root, ...args];
  }

  /** Starts a command with files for its output: what a container inherits stays open after tsbox has ended. */
  spawn(args: readonly string[], options: CallOptions = {}) {
    const name = `call-${++this.count}`;
    const files = [openSync(this.path(`${name}.out`), "w"), openSync(this.path(`${name}.err`), "w")] as const;
    const stdin = options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin);
    const child = Bun.spawn([...(options.under ?? []), ...this.command(args)], {
      cwd: options.cwd ?? this.person.home,
      env: { ...this.person.env, ...options.env },
      // cast: Bun's types know three entries; more are descriptors 3, 4, ... of the process
      stdio: [stdin, ...files, ...(options.fds ?? [])] as unknown as ["ignore", number, number],
    });
    for (const file of files) closeSync(file);
    const result = async (): Promise<Result> => {
      const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
      const exitCode = await child.exited;
      clearTimeout(timer);
      return { exitCode, stdout: this.read(`${name}.out`), stderr: this.read(`${name}.err`) };
    };
    return { child, result, output: () => this.read(`${name}.out`) };
  }

  async run(args: readonly string[], options: CallOptions = {}): Promise<Result> {
    return await this.spawn(args, options).result();
  }

  /** @returns what it printed. @throws Error with its stderr unless it exits with 0 */
  async ok(args: readonly string[], options: CallOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args, options);
    if (exitCode !== 0) throw new Error(`tsbox ${args.join(" ")} exited with ${exitCode}: ${stderr}`);
    return stdout;
  }

  /** @returns what stood on stderr of a command that must exit with `status`, and with one line only */
  async fails(args: readonly string[], status = 1, options: CallOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args, options);
    const lines = stderr.split("\n");
    if (exitCode !== status || lines.length !== 2 || lines[1] !== "" || stdout !== "")
      throw new Error(`tsbox ${args.join(" ")} exited with ${exitCode}: ${JSON.stringify({ stdout, stderr })}`);
    return lines[0] ?? "";
  }

  /** Writes a bundle and creates a container of it. */
  async create(options: BundleOptions = {}, flags: readonly string[] = [], call: CallOptions = {}): Promise<string> {
    const id = this.id();
    await this.ok(["create", "--bundle", this.bundle(options), ...flags, id], call);
    return id;
  }

  /** The same, started. */
  async started(options: BundleOptions = { args: ["sleep", "1000"] }): Promise<string> {
    const id = await this.create(options);
    await this.ok(["start", id]);
    return id;
  }

  async state(id: string): Promise<State> {
    return JSON.parse(await this.ok(["state", id]));
  }

  async list(): Promise<State[]> {
    return JSON.parse(await this.ok(["list", "--format", "json"]));
  }

  async status(id: string): Promise<string> {
    return (await this.state(id)).status;
  }

  /** Waits until it has that status. @throws Error after half a minute */
  async becomes(id: string, status: string): Promise<void> {
    await until(async () => (await this.status(id)) === status, `${id} to be ${status}`);
  }

  /** The ids in the state folder, those of half-made containers too. */
  left(): string[] {
    return existsSync(this.root) ? readdirSync(this.root).filter((name) => !name.includes(":")) : [];
  }

  [Symbol.dispose](): void {
    for (const id of this.left()) Bun.spawnSync(this.command(["delete", "--force", id]), { env: this.person.env });
    this.person[Symbol.dispose]();
  }
}

/** One for the tests of a file. */
export function box(): Box {
  let made: Box | undefined;
  beforeAll(() => {
    made = new Box();
  });
  afterAll(() => made?.[Symbol.dispose]());
  return new Proxy({} as Box, {
    // cast: every access goes to the real one
    get: (_, key) => {
      if (made === undefined) throw new Error("only inside tests");
      const value: unknown = Reflect.get(made, key);
      return typeof value === "function" ? value.bind(made) : value;
    },
  });
}

/** @throws Error when it takes longer than `timeout` ms */
export async function until(met: () => boolean | Promise<boolean>, what: string, timeout = 30_000): Promise<void> {
  for (const end = Date.now() + timeout; !(await met()); await Bun.sleep(10))
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
}

/** Whether a process is there and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
