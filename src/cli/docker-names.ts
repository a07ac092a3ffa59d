/**
 * Docker's longer names of commands, `tsbox container ls` and `tsbox image rm`: two words that stand for one command. They are no
 * commands of their own, so help, completion and the man page show the short ones; `prune`, which has no short one, is in `prune.ts`.
 */
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { nearest } from "./args.ts";
import type { GroupDefinition } from "./group.ts";

type Command = (argv: readonly string[]) => Promise<number>;

/** Those that have the same name with and without the first word, and the words for which the others stand. */
const NAMES = {
  container: {
    same: `attach commit cp create diff exec export kill logs pause port rename restart rm run start stats stop top unpause update
      wait`,
    other: { ls: ["ps"], list: ["ps"], ps: ["ps"], inspect: ["inspect", "--type=container"] },
  },
  image: {
    same: "build history import load pull push save tag",
    other: { ls: ["images"], list: ["images"], rm: ["rmi"], remove: ["rmi"], inspect: ["inspect", "--type=image"] },
  },
} as const;

export type LongGroup = keyof typeof NAMES;

/** What the second words stand for. */
export function longNames(group: LongGroup): ReadonlyMap<string, readonly string[]> {
  const same = NAMES[group].same.split(/\s+/).map((name) => [name, [name]] as const);
  return new Map<string, readonly string[]>([...same, ...Object.entries(NAMES[group].other)]);
}

/** The commands that have no shorter name. */
export async function ownCommands(group: LongGroup): Promise<GroupDefinition["commands"]> {
  const { CONTAINER, IMAGE } = await import("./prune.ts");
  return { container: CONTAINER, image: IMAGE }[group].commands;
}

/**
 * @param load the router's
 * @returns a command that calls the one meant; it throws TsboxError `usage` or `unsupported` when there is none
 */
export function longName(group: LongGroup, load: (name: string) => Promise<Command | undefined>): Command {
  const names = longNames(group);
  return async ([name, ...argv]) => {
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      const { commandNames } = await import("./catalogue.ts");
      const known = commandNames();
      // what is not there yet is said to be missing
      const there = [...names].filter(([, [word = ""]]) => known.includes(word));
      const { firstSentence } = await import("./group.ts");
      const lines = [
        ...there.map(([long, words]) => `  ${long.padEnd(10)} as tsbox ${words.join(" ")}`),
        ...Object.entries(await ownCommands(group)).map(
          ([own, { definition }]) => `  ${own.padEnd(10)} ${firstSentence(definition)}`,
        ),
      ];
      const usage = `Usage: tsbox ${group} COMMAND [FLAGS]`;
      writeAll(1, `Docker's longer names of commands.\n\n${usage}\n\nCommands:\n${lines.join("\n")}\n`);
      return 0;
    }
    const words = names.get(name);
    if (words === undefined) {
      const own = await ownCommands(group);
      if (Object.hasOwn(own, name)) return (await own[name]?.run(argv)) ?? 0;
      const near = nearest(name, [...names.keys(), ...Object.keys(own)]);
      const hint = near === undefined ? `see tsbox ${group} --help` : `did you mean ${near}?`;
      throw new TsboxError("usage", `cannot run tsbox ${group}: there is no command ${JSON.stringify(name)}; ${hint}`);
    }
    const [word = "", ...more] = words;
    const command = await load(word);
    if (command === undefined)
      throw new TsboxError("unsupported", `cannot run tsbox ${group} ${name}: tsbox has no such command`);
    return await command([...more, ...argv]);
  };
}
