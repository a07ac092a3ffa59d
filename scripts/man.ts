/**
 * Writes the man pages: `bun scripts/man.ts [FOLDER]`, by default `dist/man`. tsbox(1), a page for each command, as tsbox-run(1) and
 * tsbox-volume-create(1), and tsbox.toml(5), all from what the help comes from.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../package.json";
import type { CommandDefinition } from "../src/cli/args.ts";
import { allDefinitions, CATALOGUE, commandNames, type Definition, isGroup } from "../src/cli/catalogue.ts";
import { configPage } from "../src/cli/config/document.ts";
import { firstSentence } from "../src/cli/group.ts";
import { GLOBAL_FLAGS } from "../src/cli/help.ts";
import { ROOT } from "./build-native.ts";

/**
 * Text in roff: a backslash, and a dot or quote that begins a line, are instructions there; "-" would be a hyphen, which cannot be
 * pasted into a shell. groff_char(7), man(7)
 */
export function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga")
    .replaceAll("'", "\\(aq")
    .replace(/^\./gm, "\\&.");
}

/** A quoted argument of a macro. */
const quoted = (text: string) => `"${roff(text).replaceAll('"', "\\(dq")}"`;

function pageName(definition: { readonly name: string }): string {
  return `tsbox-${definition.name.replaceAll(" ", "-")}`;
}

function head(title: string, section: number, what: string): string[] {
  // no date: the same source gives the same page
  return [
    `.TH ${quoted(title.toUpperCase())} ${section} "" ${quoted(`tsbox ${version}`)}`,
    ".SH NAME",
    `${roff(title)} \\- ${roff(what)}`,
  ];
}

const lowerFirst = (text: string) => (/^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);

function seeAlso(names: readonly string[]): string[] {
  const lines = names.map(
    (name, i) => `.BR ${roff(name)} (${name.endsWith(".toml") ? 5 : 1})${i < names.length - 1 ? " ," : ""}`,
  );
  return [".SH SEE ALSO", ...lines];
}

/** Flags as a list with the names in bold and the value's placeholder in italics. */
function flagList({ flags }: CommandDefinition): string[] {
  return Object.entries(flags).flatMap(([name, { alias, type, valueHint, description, repeated }]) => {
    const names = `${alias === undefined ? "" : `\\fB\\-${alias}\\fR, `}\\fB\\-\\-${roff(name)}\\fR`;
    const value = type === "string" ? `=\\fI${roff(valueHint ?? "VALUE")}\\fR` : "";
    return [".TP", `${names}${value}`, `${roff(description)}.${repeated ? " May be given several times." : ""}`];
  });
}

function examples({ examples }: CommandDefinition): string[] {
  return examples.flatMap(([line, what], i) => [
    ...(i === 0 ? [] : [".PP"]),
    `${roff(what.charAt(0).toUpperCase() + what.slice(1))}:`,
    ".PP",
    ".nf",
    ".RS 4",
    roff(line),
    ".RE",
    ".fi",
  ]);
}

export function commandPage(command: CommandDefinition): string {
  const operands = command.operands === "" ? "" : ` ${roff(command.operands)}`;
  return page([
    ...head(pageName(command), 1, lowerFirst(firstSentence(command))),
    ".SH SYNOPSIS",
    `\\fBtsbox ${roff(command.name)}\\fR [\\fIflags\\fR]${operands}`,
    ".SH DESCRIPTION",
    roff(command.description),
    ".SH OPTIONS",
    ...flagList(command),
    ".SH EXAMPLES",
    ...examples(command),
    ...seeAlso(["tsbox", "tsbox.toml"]),
  ]);
}

export async function mainPage(): Promise<string> {
  const sections = await Promise.all(
    CATALOGUE.map(async ({ title, commands }) => {
      const loaded = await Promise.all(commands.map(([, load]) => load()));
      return loaded.length === 0 ? [] : [`.SS ${quoted(title)}`, ...loaded.flatMap(commandLines)];
    }),
  );
  return page([
    ...head("tsbox", 1, "run OCI images without root and without a daemon"),
    ".SH SYNOPSIS",
    "\\fBtsbox\\fR [\\fIglobal flags\\fR] \\fICOMMAND\\fR [\\fIflags\\fR]",
    ".SH DESCRIPTION",
    roff(
      "tsbox pulls images from registries and runs containers of them as an ordinary user. Its commands are named as Docker's are.",
    ),
    ".SH COMMANDS",
    roff("Each has a page of its own, and shows its flags and examples with --help."),
    ...sections.flat(),
    ".SH GLOBAL FLAGS",
    ...GLOBAL_FLAGS.flatMap(([flag, what]) => [".TP", `\\fB${roff(flag)}\\fR`, `${roff(what)}.`]),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, what]) => [".TP", `\\fB${roff(name)}\\fR`, roff(what)]),
    ".SH FILES",
    ...FILES.flatMap(([name, what]) => [".TP", `\\fI${roff(name)}\\fR`, roff(what)]),
    ".SH EXIT STATUS",
    roff(
      "run, create, start and exec end as the program did; 125 when tsbox failed or could not read the command line, 126 when the program could not be executed, 127 when it was not found, and 128 and the signal's number when one ended it. Other commands end with 0, or with 1 when something failed.",
    ),
    ...seeAlso([...commandNames().map((name) => pageName({ name })), "tsbox.toml"]),
  ]);
}

const ENVIRONMENT = [
  ["TSBOX_ROOT", "As --root."],
  ["TSBOX_CONFIG", "The only configuration file to read; empty for none. See tsbox.toml(5)."],
  ["TSBOX_LOG_LEVEL", "As --log-level, but for what debug adds."],
  ["TSBOX_DEBUG", "When set, failures show where they came from."],
  ["NO_COLOR", "When set, nothing is coloured."],
  ["XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR", "Where the store, the configuration and sockets are."],
] as const;

const FILES = [
  ["~/.local/share/tsbox", "Images and containers."],
  ["~/.config/tsbox/config.toml, /etc/tsbox/config.toml", "Defaults for flags; see tsbox.toml(5)."],
] as const;

function commandLines(definition: Definition): string[] {
  const line = ({ name, description }: Definition) => [
    ".TP",
    `\\fB${roff(name)}\\fR`,
    `${roff(firstSentence({ description }))}.`,
  ];
  return isGroup(definition)
    ? Object.values(definition.commands).flatMap((command) => line(command.definition))
    : line(definition);
}

/** A group's page says which commands it has. */
function groupPage(definition: Definition & { readonly commands: object }): string {
  return page([
    ...head(pageName(definition), 1, lowerFirst(firstSentence(definition))),
    ".SH SYNOPSIS",
    `\\fBtsbox ${roff(definition.name)}\\fR \\fICOMMAND\\fR [\\fIflags\\fR]`,
    ".SH COMMANDS",
    ...commandLines(definition),
    ...seeAlso(["tsbox"]),
  ]);
}

function page(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

/** All pages by the names of their files. */
export async function manPages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([
    ["tsbox.1", await mainPage()],
    [
      "tsbox.toml.5",
      page([...head("tsbox.toml", 5, "defaults for tsbox"), ...configPage(roff), ...seeAlso(["tsbox", "tsbox-run"])]),
    ],
  ]);
  for (const definition of await allDefinitions())
    pages.set(`${pageName(definition)}.1`, isGroup(definition) ? groupPage(definition) : commandPage(definition));
  return pages;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(ROOT, "dist/man");
  mkdirSync(folder, { recursive: true });
  const pages = await manPages();
  for (const [name, text] of pages) writeFileSync(join(folder, name), text);
  console.log(`${folder}: ${pages.size} pages`);
}
