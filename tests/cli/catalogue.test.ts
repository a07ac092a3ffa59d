/** The table of all commands: that it is whole, and what it must say of each. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { helpText } from "../../src/cli/args.ts";
import { allDefinitions, CATALOGUE, commandNames, isGroup } from "../../src/cli/catalogue.ts";
import { groupHelp } from "../../src/cli/group.ts";

const MAIN = readFileSync(new URL("../../src/main.ts", import.meta.url), "utf8");
const definitions = await allDefinitions();

test("it has the commands that main.ts has, and no others", () => {
  const router = MAIN.slice(MAIN.indexOf("async function load"), MAIN.indexOf("default:"));
  const routed = [...router.matchAll(/^ {4}case "([a-z_-]+)":/gm)].map(([, name = ""]) => name);
  expect(routed.length).toBeGreaterThan(10);
  const own = routed.filter((name) => !name.startsWith("__"));
  // oci is recognised before the router
  const expected = [...own, "oci"];
  expect(commandNames().sort()).toEqual(expected.sort());
});

test("each is filed under its own name", async () => {
  for (const { commands } of CATALOGUE) for (const [name, load] of commands) expect((await load()).name).toBe(name);
});

for (const definition of definitions) {
  describe(`tsbox ${definition.name}`, () => {
    test("has a description that is a sentence", () => {
      expect(definition.description).toMatch(/^[A-Z].*\.$/s);
    });

    if (isGroup(definition)) {
      test("has commands, whose names begin with its own", () => {
        const commands = Object.entries(definition.commands);
        expect(commands.length).toBeGreaterThan(0);
        for (const [name, command] of commands) expect(command.definition.name).toBe(`${definition.name} ${name}`);
        expect(groupHelp(definition)).toContain(`Usage: tsbox ${definition.name} COMMAND`);
      });
      return;
    }

    test("has operands that say what they are", () => {
      expect(definition.operands).toMatch(/^([A-Z][A-Z:|/-]*(\[:[A-Z]+\])?(\.\.\.)?|[a-z-]+(\|[a-z-]+)+|[[\] ])*$/);
    });

    test("has an example, each with a word on what it does", () => {
      expect(definition.examples.length).toBeGreaterThan(0);
      for (const [line, what] of definition.examples) {
        expect(line).toContain("tsbox");
        expect(what).not.toBe("");
      }
    });

    test("has a description for each flag, and a hint for each value", () => {
      for (const [name, flag] of Object.entries(definition.flags)) {
        expect(name).toMatch(/^[a-z][a-z0-9-]+$/);
        expect(`${name}: ${flag.description}`).toMatch(/: \S.*([^.]|\.\.\.)$/s);
        if (flag.type === "string") expect(`${name} ${flag.valueHint ?? ""}`).toMatch(/ \S/);
      }
      expect(definition.flags).toHaveProperty("help");
    });

    test("has no two flags of one letter", () => {
      const letters = Object.values(definition.flags).flatMap(({ alias }) => alias ?? []);
      expect(new Set(letters).size).toBe(letters.length);
    });

    test("has all of that in its help", async () => {
      const text = await helpText(definition);
      for (const name of Object.keys(definition.flags)) expect(text).toContain(`--${name}`);
      for (const [line] of definition.examples) expect(text).toContain(line);
    });
  });
}
