/**
 * Words of a Dockerfile instruction: separated by blanks, with quotes, backslashes and variables as
 * docs.docker.com/reference/dockerfile has them ("Escape", "Environment replacement").
 */
import { TsboxError } from "../../error.ts";

/**
 * @param expand the value of a variable, "" for none; undefined leaves `$` alone
 * @throws TsboxError `usage` for a quote that does not end
 */
export function splitWords(text: string, expand: ((name: string) => string) | undefined): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? "";
    if (quote === "" && /\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === quote) quote = "";
    else if (quote === "" && (c === '"' || c === "'")) {
      quote = c;
      word ??= "";
    } else if (c === "\\" && quote !== "'" && at + 1 < text.length) {
      at++;
      const next = text[at] ?? "";
      // within double quotes a backslash is only special before what is
      word = `${word ?? ""}${quote === '"' && !/["\\$]/.test(next) ? "\\" : ""}${next}`;
    } else if (c === "$" && quote !== "'" && expand !== undefined) {
      const match = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\})/.exec(
        text.slice(at),
      );
      if (match === null) word = `${word ?? ""}$`;
      else {
        word = `${word ?? ""}${value(match, expand)}`;
        at += match[0].length - 1;
      }
    } else word = `${word ?? ""}${c}`;
  }
  if (quote !== "") throw new TsboxError("usage", `cannot read ${JSON.stringify(text)}: a quote does not end`);
  if (word !== undefined) words.push(word);
  return words;
}

/** `${NAME:-else}` and `${NAME:+then}` too. */
function value([, plain, braced, sign, other = ""]: RegExpExecArray, expand: (name: string) => string): string {
  const own = expand(plain ?? braced ?? "");
  if (sign === "-") return own === "" ? other : own;
  if (sign === "+") return own === "" ? "" : other;
  return own;
}
