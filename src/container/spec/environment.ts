/** Environment variables of a container. Nothing of the host's comes in unless it is named (CVE-2021-3602, CVE-2026-57231). */
import { TsboxError } from "../../error.ts";

/**
 * What `-e` was given: `NAME=value`, or `NAME` alone for the caller's own value. A name that the caller does not have stays
 * alone, and takes away what the image has under it, as Docker does.
 * @throws TsboxError `usage`
 */
export function parseEnv(text: string, host: Readonly<Record<string, string | undefined>>): string {
  if (text === "" || text.startsWith("="))
    throw new TsboxError("usage", `cannot use -e ${JSON.stringify(text)}: the name is missing`);
  const value = text.includes("=") ? undefined : host[text];
  return value === undefined ? text : `${text}=${value}`;
}

/**
 * A file of `--env-file`: a variable a line, `#` begins a comment line, values are verbatim (no quotes, no expansion), as Docker's. A name
 * alone stands for the caller's own value, and for nothing where the caller has none.
 * @throws TsboxError `usage` naming file and line
 */
export function parseEnvFile(
  content: string,
  path: string,
  host: Readonly<Record<string, string | undefined>>,
): string[] {
  const entries: string[] = [];
  for (const [index, raw] of content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const name = line.split("=", 1)[0] ?? "";
    if (name === "" || /\s/.test(name)) {
      throw new TsboxError(
        "usage",
        `cannot read ${path}: line ${index + 1}: ${JSON.stringify(name)} is not a variable's name`,
      );
    }
    const entry = parseEnv(line, host);
    if (entry.includes("=")) entries.push(entry);
  }
  return entries;
}

/** Later ones replace earlier ones of the same name, in the earlier one's place; a name alone removes. */
export function mergeEnv(...lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const name = entry.split("=", 1)[0] ?? "";
    if (entry.includes("=")) merged.set(name, entry);
    else merged.delete(name);
  }
  return [...merged.values()];
}
