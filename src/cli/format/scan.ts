/** The words of a template: Go's text/template, "Actions" and "Text and spaces". */
import { templateError } from "./template-error.ts";

export type TokenKind =
  | "field"
  | "variable"
  | "identifier"
  | "string"
  | "number"
  | "|"
  | "("
  | ")"
  | ","
  | "."
  | ":="
  | "=";

export interface Token {
  readonly kind: TokenKind;
  /** Of a field without its dot, of a variable with its dollar, of a string what it stands for. */
  readonly text: string;
  /** Where in the template it begins. */
  readonly at: number;
  /** Whether blanks stand before it: `.A .B` are two things, `.A.B` is one. */
  readonly spaced: boolean;
}

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[]; readonly at: number };

const COMMENT = /\{\{(-\s)?\s*\/\*[\s\S]*?\*\/\s*?(\s-)?\}\}/y;
const PATTERNS: readonly (readonly [TokenKind | "blank", RegExp])[] = [
  ["blank", /\s+/y],
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["number", /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y],
  [".", /\./y],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["identifier", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["number", /'(?:[^'\\]|\\.)'/uy],
  [":=", /:=/y],
  ["=", /=/y],
  ["|", /\|/y],
  ["(", /\(/y],
  [")", /\)/y],
  [",", /,/y],
];

/**
 * Cuts a template into texts and actions. Outside actions `\t` and `\n` stand for a tab and a new line, because a shell's quotes
 * pass them on as they are (Docker's and podman's listings do so, too).
 * @throws TsboxError `usage`
 */
export function scan(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  const addText = (end: number, trimEnd: boolean) => {
    let text = template.slice(at, end);
    if (trimNext) text = text.trimStart();
    if (trimEnd) text = text.trimEnd();
    if (text !== "") pieces.push({ kind: "text", text: text.replaceAll("\\t", "\t").replaceAll("\\n", "\n") });
  };
  for (;;) {
    const open = template.indexOf("{{", at);
    if (open < 0) {
      addText(template.length, false);
      return pieces;
    }
    const trimBefore = /^-\s/.test(template.slice(open + 2, open + 4));
    addText(open, trimBefore);
    const comment = matchAt(COMMENT, template, open);
    if (comment !== undefined) {
      at = open + comment.length;
      trimNext = / -\}\}$/.test(comment);
      continue;
    }
    const { tokens, end, trimAfter } = scanAction(template, open, open + (trimBefore ? 3 : 2));
    pieces.push({ kind: "action", tokens, at: open });
    at = end;
    trimNext = trimAfter;
  }
}

function scanAction(
  template: string,
  open: number,
  start: number,
): { tokens: Token[]; end: number; trimAfter: boolean } {
  const tokens: Token[] = [];
  let spaced = false;
  let at = start;
  while (at < template.length) {
    if (template.startsWith("}}", at)) return { tokens, end: at + 2, trimAfter: false };
    if (spaced && template.startsWith("-}}", at)) return { tokens, end: at + 3, trimAfter: true };
    const [kind, text] = word(template, at);
    if (kind !== "blank") tokens.push({ kind, text: meaning(template, kind, text, at), at, spaced });
    spaced = kind === "blank";
    at += text.length;
  }
  throw templateError(template, open, "no }} closes it");
}

function word(template: string, at: number): readonly [TokenKind | "blank", string] {
  for (const [kind, pattern] of PATTERNS) {
    const text = matchAt(pattern, template, at);
    if (text !== undefined) return [kind, text];
  }
  const rest = template.slice(at);
  if (rest.startsWith('"')) throw templateError(template, at, "the text has no closing quote");
  throw templateError(template, at, `there is no use for ${JSON.stringify([...rest][0])} here`);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function meaning(template: string, kind: TokenKind, text: string, at: number): string {
  if (kind === "field") return text.slice(1);
  if (kind === "number" && text.startsWith("'")) return String(unquote(template, text, at).codePointAt(0));
  return kind === "string" ? unquote(template, text, at) : text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** Go's string and character literals. */
function unquote(template: string, text: string, at: number): string {
  const inner = text.slice(1, -1);
  if (text.startsWith("`")) return inner;
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g,
    (whole, x?: string, u?: string, long?: string, letter?: string) => {
      const code = x ?? u ?? long;
      if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff));
      const known = ESCAPES[letter ?? ""];
      if (known === undefined) throw templateError(template, at, `${whole} stands for nothing in a text`);
      return known;
    },
  );
}
