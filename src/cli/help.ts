/** `tsbox help`, `tsbox help COMMAND`, and unknown commands. Which commands there are is in `catalogue.ts`. */
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, helpText, nearest } from "./args.ts";
import { CATALOGUE, commandNames, findDefinition, isGroup } from "./catalogue.ts";
import { HELP, readCommand } from "./command.ts";
import { findSubcommand, firstSentence, groupHelp } from "./group.ts";

export const HELP_COMMAND: CommandDefinition = {
  name: "help",
  description: "Show the commands, or the flags and examples of one.",
  operands: "[COMMAND [SUBCOMMAND]]",
  flags: { ...HELP },
  examples: [
    ["tsbox help", "all commands"],
    ["tsbox help run", "as tsbox run --help"],
  ],
};

/** What stands before the command; the man page has it too. */
export const GLOBAL_FLAGS: readonly (readonly [flag: string, what: string])[] = [
  ["--root FOLDER", "Where images and containers are kept; also $TSBOX_ROOT"],
  ["--log-level LEVEL", "error: no warnings. warn, info: warnings. debug: also where failures come from"],
  ["--debug, -D", "As --log-level debug"],
];

/** @throws TsboxError `usage` for a command that there is not */
export async function help(argv: readonly string[]): Promise<number> {
  const args = await readCommand(HELP_COMMAND, argv);
  if (args === undefined) return 0;
  const [name, sub] = args.positionals;
  writeAll(1, name === undefined ? await overview() : await helpOf(name, sub));
  return 0;
}

async function helpOf(name: string, sub: string | undefined): Promise<string> {
  const definition = await findDefinition(name);
  if (definition === undefined) throw unknown(name);
  if (!isGroup(definition)) return `${await helpText(definition)}\n`;
  if (sub === undefined) return groupHelp(definition);
  const command = findSubcommand(definition, sub);
  if (command === undefined) throw unknown(`${name} ${sub}`);
  return `${await helpText(command.definition)}\n`;
}

function unknown(name: string): TsboxError {
  return new TsboxError("usage", `cannot show help: there is no command ${JSON.stringify(name)}; see tsbox help`);
}

async function overview(): Promise<string> {
  const sections = await Promise.all(
    CATALOGUE.map(async ({ title, commands }) => {
      const lines = commands.map(async ([name, load]) => `  ${name.padEnd(12)}${firstSentence(await load())}`);
      return commands.length === 0 ? "" : `${title}:\n${(await Promise.all(lines)).join("\n")}\n\n`;
    }),
  );
  const flags = GLOBAL_FLAGS.map(([flag, what]) => `  ${flag.padEnd(20)}${what}`);
  return `tsbox runs OCI images without root and without a daemon.

Usage: tsbox [GLOBAL FLAGS] COMMAND [FLAGS]

${sections.join("")}Global flags:
${flags.join("\n")}

tsbox COMMAND --help shows a command's flags and examples. Images and containers are kept in the folder that --root names, else
$TSBOX_ROOT, $XDG_DATA_HOME/tsbox or ~/.local/share/tsbox. Defaults for flags are read from ~/.config/tsbox/config.toml.

As a runtime beneath podman, Docker or containerd, tsbox takes runc's command line: after "oci", with --bundle, with runc's global
flags before the command, or when it is called by the name runc or crun. See tsbox oci --help.
`;
}

export function unknownCommand(name: string): number {
  if (name.startsWith("-")) {
    writeAll(2, `tsbox: cannot read the command line: there is no flag ${name} before a command; see tsbox help\n`);
    return 125;
  }
  const near = nearest(name, commandNames());
  const hint = near === undefined ? "see tsbox help" : `did you mean ${near}?`;
  writeAll(2, `tsbox: there is no command ${JSON.stringify(name)}; ${hint}\n`);
  return 1;
}
