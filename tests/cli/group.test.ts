/** Commands of commands. */
import { expect, test } from "bun:test";
import type { CommandDefinition } from "../../src/cli/args.ts";
import { firstSentence, type GroupDefinition, groupCommand, groupHelp } from "../../src/cli/group.ts";

const definition = (name: string, description: string): CommandDefinition => ({
  name,
  description,
  operands: "",
  flags: {},
  examples: [],
});

const calls: string[] = [];
const command = (name: string) => async (argv: readonly string[]) => {
  calls.push([name, ...argv].join(" "));
  return 7;
};

const GROUP: GroupDefinition = {
  name: "thing",
  description: "Manage things.",
  commands: {
    create: { definition: definition("thing create", "Make a thing. Prints it."), run: command("create") },
    ls: { definition: definition("thing ls", "List things."), run: command("ls"), aliases: ["list"] },
  },
};
const thing = groupCommand(GROUP);

test("a subcommand gets what follows it, and its status is the group's", async () => {
  calls.length = 0;
  expect(await thing(["create", "--flag", "x"])).toBe(7);
  expect(await thing(["list"])).toBe(7);
  expect(await thing(["create", "--help"])).toBe(7);
  expect(await thing(["help", "create"])).toBe(7);
  expect(calls).toEqual(["create --flag x", "ls", "create --help", "create --help"]);
});

test("the help has a line for each command, with its aliases", () => {
  const lines = groupHelp(GROUP).split("\n");
  expect(lines[0]).toBe("Manage things.");
  expect(lines).toContain("  create    Make a thing");
  expect(lines).toContain("  ls, list  List things");
});

test.each([
  ["creat", 'cannot run tsbox thing: there is no command "creat"; did you mean create?'],
  ["constructor", 'cannot run tsbox thing: there is no command "constructor"; see tsbox thing --help'],
])("an unknown command %s is an error", async (name, message) => {
  expect(thing([name])).rejects.toMatchObject({ code: "usage", message });
});

test.each([
  ["List things.", "List things"],
  ["Run tsbox.toml of 1.5 lines. More.", "Run tsbox.toml of 1.5 lines"],
  ["None", "None"],
])("the first sentence of %j is %j", (description, sentence) => {
  expect(firstSentence({ description })).toBe(sentence);
});
