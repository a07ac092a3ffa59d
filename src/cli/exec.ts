/** `tsbox exec` */
import { execInImageContainer } from "../container/exec.ts";
import { findContainer } from "../container/list.ts";
import { parseEnv } from "../container/spec/environment.ts";
import { TsboxError } from "../error.ts";
import { isTerminal } from "../linux/terminal.ts";
import { openStore } from "../store/index.ts";
import { all, type CommandDefinition, isOn, last, parseArgs } from "./args.ts";

export const EXEC: CommandDefinition = {
  name: "exec",
  description: "Run another program in a container that runs. Everything after its name belongs to the program.",
  operands: "CONTAINER COMMAND [ARG...]",
  flags: {
    interactive: { type: "boolean", alias: "i", description: "Let the program read standard input" },
    tty: { type: "boolean", alias: "t", description: "Give the program a terminal" },
    detach: { type: "boolean", alias: "d", description: "Do not wait for it" },
    env: {
      type: "string",
      alias: "e",
      description: "Set an environment variable",
      valueHint: "NAME[=VALUE]",
      repeated: true,
    },
    "env-file": {
      type: "string",
      description: "Read environment variables from a file",
      valueHint: "FILE",
      repeated: true,
    },
    workdir: { type: "string", alias: "w", description: "Folder in which the program starts", valueHint: "FOLDER" },
    user: { type: "string", alias: "u", description: "User and group of the program", valueHint: "USER[:GROUP]" },
    privileged: { type: "boolean", description: "All capabilities, no seccomp filter" },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  examples: [
    ["tsbox exec web ls /etc", "its output and exit status are the program's"],
    ["tsbox exec -it web sh", "a shell in it"],
  ],
};

export async function exec(argv: readonly string[]): Promise<number> {
  const args = parseArgs(EXEC, argv, true);
  if (isOn(args, "help")) {
    const { helpText } = await import("./args.ts");
    const { writeAll } = await import("../linux/write-text.ts");
    writeAll(1, `${await helpText(EXEC)}\n`);
    return 0;
  }
  const [container, ...command] = args.positionals;
  if (container === undefined || command.length === 0)
    throw new TsboxError("usage", "cannot exec: give a container and a command; see tsbox exec --help");
  const tty = isOn(args, "tty");
  const interactive = isOn(args, "interactive");
  const detach = isOn(args, "detach");
  if (tty && !detach && interactive && !isTerminal(0))
    throw new TsboxError(
      "usage",
      "cannot use -t: the input device is not a terminal; leave -t out when input is a pipe or file",
    );
  if (tty && detach) throw new TsboxError("usage", "cannot use -t with -d: nobody would see the terminal");
  const store = openStore().root;
  const fromFiles = all(args, "env-file").flatMap((path) => {
    const { parseEnvFile, readFlagFile } =
      require("../container/flags/index.ts") as typeof import("../container/flags/index.ts");
    return parseEnvFile(readFlagFile(path, "--env-file"), path, process.env);
  });
  return await execInImageContainer(store, findContainer(store, container), {
    command,
    interactive: interactive && !detach,
    tty,
    detach,
    privileged: isOn(args, "privileged"),
    env: [...fromFiles, ...all(args, "env").map((text) => parseEnv(text, process.env))],
    workdir: last(args, "workdir") || undefined,
    user: last(args, "user"),
  });
}
