/** Rows of fields as people want them (a table), and as programs do (`--format`). */
import { TsboxError } from "../error.ts";
import { printable } from "./readable.ts";

/** A field's name in `--format`, the heading in the table. */
export type Columns<T> = readonly (readonly [field: keyof T & string, heading: string])[];

export type Row = Readonly<Record<string, unknown>>;

/** Columns as wide as their widest field, three blanks between. */
export function renderTable<T extends Row>(columns: Columns<T>, rows: readonly T[]): string {
  const lines = [
    columns.map(([, heading]) => heading),
    ...rows.map((row) => columns.map(([field]) => printable(String(row[field])))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("   "))
    .join("\n");
}

/**
 * `json`: an array of all rows. Anything else is text in which `{{.Field}}` stands for a field, a line for each row, with `\t` and
 * `\n` as in Docker's templates, of which this is the part that people use.
 * @throws TsboxError `usage` naming a field that there is not
 */
export function renderFormat<T extends Row>(
  format: string,
  fields: readonly (keyof T & string)[],
  rows: readonly T[],
): string {
  if (format === "json") return JSON.stringify(rows, null, 2);
  const known = new Set<string>(fields);
  const template = format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  for (const [whole, name = ""] of template.matchAll(/\{\{(.*?)\}\}/g)) {
    if (!known.has(fieldName(name))) {
      throw new TsboxError(
        "usage",
        `cannot use --format: there is no ${whole}; there are ${fields.map((field) => `{{.${field}}}`).join(", ")}, and json for all of them`,
      );
    }
  }
  return rows
    .map((row) => template.replace(/\{\{(.*?)\}\}/g, (_, name: string) => printable(String(row[fieldName(name)]))))
    .join("\n");
}

/** `.Name`, with blanks around it as in Go's templates; anything else is no field. */
function fieldName(text: string): string {
  return /^\s*\.(\w+)\s*$/.exec(text)?.[1] ?? "";
}
