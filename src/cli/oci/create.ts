/** `create` and `run` of a bundle */
import { TsboxError } from "../../error.ts";
import { createContainer, type LifecycleMode } from "../../runtime/lifecycle/index.ts";
import type { FlagDefinitions } from "../args.ts";
import { absolute, type Globals } from "./globals.ts";
import {
  type CommandDefinition,
  containerId,
  HELP,
  isOn,
  last,
  listenFds,
  readRuntimeCommand,
  wholeNumber,
} from "./operands.ts";
import { warn } from "./report.ts";

const COMMON: FlagDefinitions = {
  bundle: { type: "string", alias: "b", description: "Folder with config.json (the working folder)", valueHint: "DIR" },
  "console-socket": { type: "string", description: "Unix socket that receives the terminal", valueHint: "PATH" },
  "pidfd-socket": {
    type: "string",
    description: "Unix socket that receives a pidfd of the process",
    valueHint: "PATH",
  },
  "pid-file": { type: "string", description: "Write the pid to this file", valueHint: "FILE" },
  "preserve-fds": { type: "string", description: "Descriptors from 3 on that the program keeps", valueHint: "N" },
  "no-pivot": { type: "boolean", description: "Move the root instead of pivot_root, for an initramfs" },
  "no-new-keyring": { type: "boolean", description: "Keep the caller's session keyring" },
};

export const CREATE: CommandDefinition = {
  name: "oci create",
  description: "Make a container from a bundle; it waits for start.",
  operands: "ID",
  flags: { ...COMMON, ...HELP },
  examples: [["tsbox oci create --bundle DIR box", "then: tsbox oci start box"]],
};

export const RUN_BUNDLE: CommandDefinition = {
  name: "oci run",
  description: "Make a container from a bundle, start it, wait for its end and remove it.",
  operands: "ID",
  flags: {
    ...COMMON,
    detach: { type: "boolean", alias: "d", description: "Do not wait for the end" },
    keep: { type: "boolean", description: "Do not remove it when it has ended" },
    "no-subreaper": { type: "boolean", description: "Accepted: tsbox never is one" },
    explain: { type: "boolean", description: "Print the plan and run nothing" },
    ...HELP,
  },
  examples: [["tsbox run --bundle DIR box", ""]],
};

export async function create(argv: readonly string[], globals: Globals): Promise<number> {
  return await make(CREATE, argv, globals, () => "create");
}

export async function run(argv: readonly string[], globals: Globals): Promise<number> {
  return await make(RUN_BUNDLE, argv, globals, (detached) => (detached ? "detach" : "run"));
}

async function make(
  command: CommandDefinition,
  argv: readonly string[],
  globals: Globals,
  modeOf: (detached: boolean) => LifecycleMode,
): Promise<number> {
  const args = await readRuntimeCommand(command, argv);
  if (args === undefined) return 0;
  const path = (name: string) => {
    const value = last(args, name);
    return value === undefined || value === "" ? undefined : absolute(value);
  };
  const explain = isOn(args, "explain");
  const plan = await createContainer({
    ...globals,
    warn: warn(globals.log),
    id: containerId(args, command),
    bundle: trimmed(path("bundle") ?? process.cwd()),
    mode: modeOf(isOn(args, "detach")),
    keep: isOn(args, "keep"),
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    pidfdSocket: path("pidfd-socket"),
    preserveFds: wholeNumber(last(args, "preserve-fds") ?? "0", "--preserve-fds") + listenFds(process.env),
    environment: listenVariables(process.env),
    noPivot: isOn(args, "no-pivot"),
    noNewKeyring: isOn(args, "no-new-keyring"),
    explain,
  });
  if (!explain) throw new TsboxError("internal", "cannot run: the native program did not take over");
  const { printPlan } = await import("../../plan/index.ts");
  await Bun.write(Bun.stdout, await printPlan(plan));
  return 0;
}

function trimmed(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** The program is the first process of its namespace. */
function listenVariables(env: NodeJS.ProcessEnv): string[] {
  const count = listenFds(env);
  if (count === 0) return [];
  const names = env.LISTEN_FDNAMES;
  return [`LISTEN_FDS=${count}`, "LISTEN_PID=1", ...(names === undefined ? [] : [`LISTEN_FDNAMES=${names}`])];
}
