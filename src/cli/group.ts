/**
 * Commands of commands: `tsbox volume create`. A file of `cli/` declares the group and exports what runs it:
 *
 *     // src/cli/volume.ts
 *     const CREATE: CommandDefinition = { name: "volume create", ... }; // the whole name, as it is typed after `tsbox`
 *     async function create(argv: readonly string[]): Promise<number> {
 *       const args = await readCommand(CREATE, argv); // shows `tsbox volume create --help`
 *       ...
 *     }
 *     export const VOLUME: GroupDefinition = {
 *       name: "volume",
 *       description: "Manage volumes.",
 *       commands: { create: { definition: CREATE, run: create }, ls: { definition: LS, run: ls, aliases: ["list"] } },
 *     };
 *     export const volume = groupCommand(VOLUME);
 *
 * and is registered with one line in `main.ts`, `volume: async () => (await import("./cli/volume.ts")).volume`, and one in
 * `catalogue.ts`, from which help, completion and the man page come. A `run` that needs much may import it when called:
 * `run: async (argv) => (await import("./volume-export.ts")).volumeExport(argv)`.
 */
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, nearest } from "./args.ts";

export interface Subcommand {
  readonly definition: CommandDefinition;
  /** @returns the exit status. @throws TsboxError */
  readonly run: (argv: readonly string[]) => Promise<number>;
  /** Other names, which the help of the group shows and nothing else does. */
  readonly aliases?: readonly string[];
}

export interface GroupDefinition {
  readonly name: string;
  readonly description: string;
  /** By the name within the group, in the order in which the help has them. */
  readonly commands: Readonly<Record<string, Subcommand>>;
}

/** The subcommand of a name or of one of its aliases. */
export function findSubcommand(group: GroupDefinition, name: string): Subcommand | undefined {
  if (Object.hasOwn(group.commands, name)) return group.commands[name];
  return Object.values(group.commands).find(({ aliases }) => aliases?.includes(name));
}

export function groupHelp(group: GroupDefinition): string {
  const entries = Object.entries(group.commands).map(
    ([name, { definition, aliases = [] }]) => [[name, ...aliases].join(", "), firstSentence(definition)] as const,
  );
  const width = Math.max(...entries.map(([names]) => names.length));
  const lines = entries.map(([names, what]) => `  ${names.padEnd(width + 2)}${what}`);
  return `${group.description}

Usage: tsbox ${group.name} COMMAND [FLAGS]

Commands:
${lines.join("\n")}

tsbox ${group.name} COMMAND --help shows a command's flags and examples.
`;
}

/** One line of a list of commands: the description up to its first full stop, without it. */
export function firstSentence({ description }: { readonly description: string }): string {
  const end = description.search(/\.(\s|$)/);
  return end < 0 ? description : description.slice(0, end);
}

/**
 * What `main.ts` calls for a group. Without a command, or with --help, it shows the commands.
 * @returns a command that throws TsboxError `usage` for one that there is not
 */
export function groupCommand(group: GroupDefinition): (argv: readonly string[]) => Promise<number> {
  return async ([first, ...rest]) => {
    if (first === undefined || first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) {
      writeAll(1, groupHelp(group));
      return 0;
    }
    const [name, argv] = first === "help" ? [rest[0] ?? "", ["--help"]] : [first, rest];
    const command = findSubcommand(group, name);
    if (command !== undefined) return await command.run(argv);
    const near = nearest(name, Object.keys(group.commands));
    const hint = near === undefined ? `see tsbox ${group.name} --help` : `did you mean ${near}?`;
    throw new TsboxError(
      "usage",
      `cannot run tsbox ${group.name}: there is no command ${JSON.stringify(name)}; ${hint}`,
    );
  };
}
