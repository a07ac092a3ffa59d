/** Unit files of systemd: reading, writing, and the words of command lines in them. systemd.syntax(7), systemd.service(5) "Command lines". */
import { TsboxError } from "../../error.ts";

export interface UnitEntry {
  readonly key: string;
  readonly value: string;
  /** Where it stands: `FILE:LINE`. */
  readonly place: string;
}

export interface UnitSection {
  readonly name: string;
  readonly entries: readonly UnitEntry[];
}

/** @throws TsboxError `invalid` naming file and line */
export function parseUnit(text: string, file: string): UnitSection[] {
  const sections: { name: string; entries: UnitEntry[] }[] = [];
  const fail = (line: number, reason: string) => new TsboxError("invalid", `cannot read ${file}:${line}: ${reason}`);
  let pending: { text: string; line: number } | undefined;
  // a value that goes on at the end of the file ends there
  for (const [index, raw] of `${text}\n`.split("\n").entries()) {
    const line = raw.trim();
    // comments may stand between the lines of one value
    if (line.startsWith("#") || line.startsWith(";")) continue;
    if (pending === undefined && line === "") continue;
    const whole: string = pending === undefined ? line : `${pending.text} ${line}`;
    const at: number = pending?.line ?? index + 1;
    pending = undefined;
    if (whole.endsWith("\\")) {
      pending = { text: whole.slice(0, -1).trimEnd(), line: at };
      continue;
    }
    const section = /^\[([^\]]+)\]$/.exec(whole);
    if (section !== null) {
      sections.push({ name: section[1] ?? "", entries: [] });
      continue;
    }
    const equals = whole.indexOf("=");
    if (equals <= 0) throw fail(at, `expected [SECTION] or KEY=VALUE, not ${JSON.stringify(whole)}`);
    const current = sections.at(-1);
    if (current === undefined) throw fail(at, "a value before the first [SECTION]");
    current.entries.push({
      key: whole.slice(0, equals).trimEnd(),
      value: whole.slice(equals + 1).trim(),
      place: `${file}:${at}`,
    });
  }
  return sections;
}

/** All entries of the sections of a name, in order. */
export function sectionEntries(sections: readonly UnitSection[], name: string): UnitEntry[] {
  return sections.filter((section) => section.name === name).flatMap(({ entries }) => entries);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/**
 * The words of a value, with quotes and escapes undone. Specifiers (`%n`) and variables (`$NAME`) stay as they are.
 * @throws TsboxError `invalid`
 */
export function splitWords({ value, place }: Pick<UnitEntry, "value" | "place">): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === "\\") {
      const rest = value.slice(at + 1);
      const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3}))/.exec(rest);
      const plain = ESCAPES[rest.charAt(0)];
      if (code !== null) {
        const [all, hex, unicode, octal] = code;
        word =
          (word ?? "") +
          String.fromCodePoint(octal ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? unicode ?? "", 16));
        at += all.length;
      } else if (plain !== undefined) {
        word = (word ?? "") + plain;
        at++;
      } else word = `${word ?? ""}\\`;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") throw new TsboxError("invalid", `cannot read ${place}: a quotation mark is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

/** A command line whose words may have systemd's specifiers and variables. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function quoteWord(word: string): string {
  if (/^[a-zA-Z0-9_@%+=:,./${}[\]()~!^*?#&|<>-]+$/.test(word)) return word;
  const escaped = word
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r");
  return `"${escaped}"`;
}

/** A word in which nothing stands for anything else. */
export function literalWord(word: string): string {
  return word.replaceAll("%", "%%").replaceAll("$", "$$$$");
}

/** A value, not of a command line, in which `%` is only itself. */
export function literalValue(text: string): string {
  return text.replaceAll("%", "%%").replaceAll("\n", " ");
}

export type UnitText = readonly (readonly [section: string, lines: readonly (string | undefined)[]])[];

/** Sections with their lines; what is undefined, and sections without lines, are left out. */
export function renderUnit(comments: readonly string[], sections: UnitText): string {
  const parts = sections.flatMap(([name, lines]) => {
    const present = lines.filter((line) => line !== undefined);
    return present.length === 0 ? [] : [`[${name}]\n${present.join("\n")}\n`];
  });
  return `${comments.map((line) => `# ${line}\n`).join("")}\n${parts.join("\n")}`;
}
