/**
 * Which of the two command lines is meant: tsbox's own, or runc's. The latter is recognised by the name under which tsbox was called
 * (`runc`, `crun`), by `tsbox oci`, by runc's global flags before the command, by `--bundle`, and by commands that only runtimes have.
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

const RUNTIME_COMMANDS = new Set(
  "create start state kill delete exec list pause resume update events spec features checkpoint restore".split(" "),
);

/** Flags of runc's `run`, and whether a value follows: what may stand before `--bundle`. */
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

function flagName(word: string): string {
  const equals = word.indexOf("=");
  return equals < 0 ? word : word.slice(0, equals);
}

/** The words from the command on, and whether a flag before it is runc's alone: `--root` is also tsbox's own. */
function skipGlobals(argv: readonly string[]): { readonly rest: readonly string[]; readonly onlyRuntime: boolean } {
  let onlyRuntime = false;
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const name = flagName(word);
    const takesValue = Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined;
    if (takesValue === undefined) break;
    if (name !== "--root") onlyRuntime = true;
    if (takesValue && !word.includes("=")) i++;
  }
  return { rest: argv.slice(i), onlyRuntime };
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
 * @param argv0 how this program was called
 * @returns what is left of the command line for the runtime, or undefined when it is tsbox's own
 */
export function runtimeArguments(argv0: string, argv: readonly string[]): readonly string[] | undefined {
  const [first = ""] = argv;
  if (first.startsWith("__")) return undefined;
  if (first === "oci") return argv.slice(1);
  const name = argv0.slice(argv0.lastIndexOf("/") + 1);
  if (name === "runc" || name === "crun") return argv;
  const { rest, onlyRuntime } = first.startsWith("-") ? skipGlobals(argv) : { rest: argv, onlyRuntime: false };
  const command = rest[0] ?? "";
  if (onlyRuntime || RUNTIME_COMMANDS.has(command)) return argv;
  return command === "run" && hasBundle(rest.slice(1)) ? argv : undefined;
}
