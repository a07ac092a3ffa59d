/**
 * Which of the two command lines is meant: tsbox's own, or runc's. The latter is recognised by the name under which tsbox was called
 * (`runc`, `crun`), by `tsbox oci`, by flags and commands that only runtimes have, and, where both have the command (`start`, `kill`,
 * `exec`), by the container: callers of runtimes do not all say more than its id.
 */

/** Global flags of runc and crun, and whether a value follows. */
const GLOBALS: Readonly<Record<string, boolean>> = {
  "--root": true,
  "--log": true,
  "--log-format": true,
  "--log-level": true,
  "--cgroup-manager": true,
  "--rootless": true,
  "--criu": true,
  "--systemd-cgroup": false,
  "--debug": false,
};

/** Those that tsbox has, too. */
const SHARED_GLOBALS = ["--root", "--log-level", "--debug"];

/** Whether a command is runc's: always, when a bundle is named, or when it is about a container of the runtime's. */
const COMMANDS: Readonly<Record<string, "always" | "with bundle" | "of container">> = {
  state: "always",
  delete: "always",
  list: "always",
  resume: "always",
  spec: "always",
  features: "always",
  checkpoint: "always",
  restore: "always",
  create: "with bundle",
  run: "with bundle",
  start: "of container",
  kill: "of container",
  exec: "of container",
  pause: "of container",
  update: "of container",
  events: "of container",
  ps: "of container",
};

/** Flags of runc's `create` and `run`, and whether a value follows: what may stand before `--bundle`. */
const RUN_FLAGS: Readonly<Record<string, boolean>> = {
  "--console-socket": true,
  "--pidfd-socket": true,
  "--pid-file": true,
  "--preserve-fds": true,
  "--detach": false,
  "-d": false,
  "--keep": false,
  "--no-subreaper": false,
  "--no-pivot": false,
  "--no-new-keyring": false,
};

/** Flags of runc's other commands by which its callers are known. */
const ONLY_RUNTIME = ["--process", "--pid-file", "--console-socket", "--resources"];

function flagName(word: string): string {
  const equals = word.indexOf("=");
  return equals < 0 ? word : word.slice(0, equals);
}

interface Globals {
  /** The words from the command on. */
  readonly rest: readonly string[];
  /** Whether a flag is runc's alone. */
  readonly onlyRuntime: boolean;
  readonly root?: string | undefined;
}

function skipGlobals(argv: readonly string[]): Globals {
  let onlyRuntime = false;
  let root: string | undefined;
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const name = flagName(word);
    const takesValue = Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined;
    if (takesValue === undefined) break;
    if (!SHARED_GLOBALS.includes(name)) onlyRuntime = true;
    const glued = word.includes("=");
    if (takesValue && !glued) i++;
    if (name === "--root") root = glued ? word.slice("--root=".length) : argv[i];
  }
  return { rest: argv.slice(i), onlyRuntime, root };
}

function hasBundle(argv: readonly string[]): boolean {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const name = flagName(word);
    if (name === "--bundle" || name === "-b") return true;
    const takesValue = Object.hasOwn(RUN_FLAGS, name) ? RUN_FLAGS[name] : undefined;
    if (takesValue === undefined) return false;
    if (takesValue && !word.includes("=")) i++;
  }
  return false;
}

/**
 * Whether a container of the runtime's is named. Which flags take a value is not known, for there are two command lines: every word
 * up to the first that cannot be a flag's value may be the container.
 */
function namesContainer(argv: readonly string[], isContainer: (id: string) => boolean): boolean {
  let afterFlag = false;
  for (const word of argv) {
    if (word.startsWith("-")) {
      if (ONLY_RUNTIME.includes(flagName(word))) return true;
      afterFlag = true;
    } else {
      if (/^[\w+.-]+$/.test(word) && isContainer(word)) return true;
      if (!afterFlag) return false;
      afterFlag = false;
    }
  }
  return false;
}

/** Loads the system calls only for commands that both have: this file is on the way of every start. */
function exists(path: string): boolean {
  const { AT_FDCWD, SYS } = require("../../linux/abi.gen.ts") as typeof import("../../linux/abi.gen.ts");
  const { cstring, syscall } = require("../../linux/syscall.ts") as typeof import("../../linux/syscall.ts");
  return syscall(SYS.faccessat, AT_FDCWD, cstring(path), 0) === 0;
}

/** Where `defaultStateRoot` may say that states are; it is not asked, because that takes longer than looking. */
function stateRoots(env: NodeJS.ProcessEnv, uid: number): readonly string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const root = uid === 0 ? ["/run/tsbox"] : [];
  return runtime ? [...root, `${runtime}/tsbox`] : [...root, `/tmp/tsbox-${uid}`];
}

/** Those of the commands that both have which need a container in tsbox's command line, too. */
const NEED_CONTAINER = ["start", "kill", "exec", "pause", "update"];

/**
 * Whether a command that both have is meant for the runtime. `--root` is a folder of states or tsbox's store; one in which tsbox has
 * made no containers is no store.
 */
function isOfRuntime([command = "", ...args]: readonly string[], root: string | undefined): boolean {
  const roots = root === undefined ? stateRoots(process.env, process.geteuid?.() ?? 0) : [root];
  if (namesContainer(args, (id) => roots.some((folder) => exists(`${folder}/${id}/state.json`)))) return true;
  return root !== undefined && args.length > 0 && NEED_CONTAINER.includes(command) && !exists(`${root}/containers`);
}

/**
 * @param argv0 how this program was called
 * @returns what is left of the command line for the runtime, or undefined when it is tsbox's own
 */
export function runtimeArguments(argv0: string, argv: readonly string[]): readonly string[] | undefined {
  const [first = ""] = argv;
  if (first.startsWith("__")) return undefined;
  if (first === "oci") return argv.slice(1);
  const name = argv0.slice(argv0.lastIndexOf("/") + 1);
  if (name === "runc" || name === "crun") return argv;
  const { rest, onlyRuntime, root } = first.startsWith("-") ? skipGlobals(argv) : ({ rest: argv } as Globals); // cast: no flags
  if (onlyRuntime) return argv;
  const [command = "", ...args] = rest;
  const rule = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (rule === "always" || (rule === "with bundle" && hasBundle(args))) return argv;
  return rule === "of container" && isOfRuntime(rest, root) ? argv : undefined;
}
