/** The man pages: that programs which render them have nothing to say against them, and that they hold what the help does. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { manPages, roff } from "../../scripts/man.ts";
import { allDefinitions, isGroup } from "../../src/cli/catalogue.ts";
import { keysOf } from "../../src/cli/config/schema.ts";
import { program, requires } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

const pages = await manPages();
const definitions = await allDefinitions();
const withMan = requires(program("man"));
const withMandoc = requires(program("mandoc"));

/** The page as a reader sees it, in one line, so that breaks are no matter. */
function rendered(text: string): { readonly text: string; readonly warnings: string } {
  using folder = temporaryFolder();
  const path = folder.join("page.1");
  writeFileSync(path, text);
  const { stdout, stderr } = Bun.spawnSync(["man", "--warnings", "-l", path], {
    env: { PATH: process.env.PATH, MANWIDTH: "1000", LC_ALL: "C.UTF-8", MANROFFOPT: "-c" },
  });
  // overstruck letters are bold ones and underlined ones
  return { text: stdout.toString().replace(/.\x08/g, "").replace(/\s+/g, " "), warnings: stderr.toString() };
}

test("there is one of tsbox, of each command, and of the configuration", () => {
  const names = definitions.map(({ name }) => `tsbox-${name.replaceAll(" ", "-")}.1`);
  expect([...pages.keys()].sort()).toEqual(["tsbox.1", "tsbox.toml.5", ...names].sort());
});

describe("man renders without a warning", () => {
  for (const [name, page] of pages) withMan(name, () => expect(rendered(page).warnings).toBe(""));
});

withMandoc("mandoc has nothing to say but that there is no date", () => {
  using folder = temporaryFolder();
  for (const [name, page] of pages) writeFileSync(folder.join(name), page);
  const files = [...pages.keys()].map((name) => folder.join(name));
  const { stdout } = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "warning", ...files]);
  const lines = stdout.toString().trimEnd().split("\n");
  expect(lines.filter((line) => !line.includes('WARNING: missing date, using "": TH'))).toEqual([]);
});

withMan("a command's page has its flags and examples as they are typed", () => {
  for (const definition of definitions) {
    if (isGroup(definition)) continue;
    const { text } = rendered(pages.get(`tsbox-${definition.name.replaceAll(" ", "-")}.1`) ?? "");
    for (const [name, flag] of Object.entries(definition.flags))
      expect(text).toContain(flag.type === "string" ? `--${name}=${flag.valueHint} ` : `--${name} `);
    for (const [line] of definition.examples) expect(text).toContain(line.replace(/\s+/g, " "));
  }
});

withMan("tsbox(1) has every command, tsbox.toml(5) every key", () => {
  const { text } = rendered(pages.get("tsbox.1") ?? "");
  for (const definition of definitions) if (!isGroup(definition)) expect(text).toContain(` ${definition.name} `);
  const { text: config } = rendered(pages.get("tsbox.toml.5") ?? "");
  for (const section of keysOf(undefined)) {
    expect(config).toContain(` [${section}] `);
    // with a description behind it
    for (const key of keysOf(section)) expect(config).toMatch(new RegExp(` ${key} +[A-Za-z0-9]`));
  }
});

withMan("what is an instruction in roff is text", () => {
  for (const line of [".SH NOT", "'br not", "a\\fBb\\c", '--flag -x ~user ^ ` \' "quoted"', "\\"]) {
    const { text, warnings } = rendered(`.TH T 1 "" x\n.SH NAME\nt \\- t\n.SH X\nBEFORE\n${roff(line)}\nAFTER\n`);
    expect(text).toContain(`BEFORE ${line} AFTER`);
    expect(warnings).toBe("");
  }
});
