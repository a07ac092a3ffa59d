/** What `--format` makes of a listing's rows. Loaded when it is given. */
import { printable } from "../readable.ts";
import { alignColumns, type Columns, DOCKER_WIDTH, type Row, renderTable } from "../table.ts";
import { compileTemplate } from "./template.ts";
import { jsonText } from "./values.ts";

export interface Listing<T extends Row> {
  /** Of the table that is shown without a template. */
  readonly columns: Columns<T>;
  /** What stands above each field in `table TEMPLATE`; a method's is a function of its argument. */
  readonly headings: Readonly<Record<string, unknown>>;
  readonly rows: readonly T[];
}

/**
 * - `table`: as without `--format`
 * - `json`: an array of all rows (`{{json .}}` is a line for each)
 * - `table TEMPLATE`: columns, which tabs separate, below their headings
 * - `TEMPLATE`: Go's, a line for each row; a tab and a new line may be written `\t` and `\n`
 *
 * @returns lines without the last one's end; an empty text when there is nothing to print
 * @throws TsboxError `usage` naming the place
 */
export function renderListing<T extends Row>(format: string, { columns, headings, rows }: Listing<T>): string {
  if (format === "table") return renderTable(columns, rows, DOCKER_WIDTH);
  if (format === "json") return jsonText(rows, 2);
  const isTable = /^table\s/.test(format);
  const template = compileTemplate(isTable ? format.slice(5).trimStart() : format, { clean: printable });
  const fields = Object.keys(headings);
  // also where there is nothing to show, or the rows have only what is asked for
  if (fields.length > 0) template.check(fields);
  const lines = rows.map((row) => template.render(row));
  if (!isTable) return lines.join("\n");
  const cells = [template.renderHeadings(headings), ...lines].flatMap((text) => text.split("\n"));
  return alignColumns(
    cells.map((line) => line.split("\t")),
    DOCKER_WIDTH,
  );
}

/**
 * {@link renderListing} for rows whose headings are their fields' names: `CreatedAt` is `CREATED AT`.
 * @throws TsboxError `usage` naming the place
 */
export function renderFormat<T extends Row>(
  format: string,
  fields: readonly (keyof T & string)[],
  rows: readonly T[],
): string {
  const columns = fields.map((field) => [field, field.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase()] as const);
  return renderListing(format, { columns, headings: Object.fromEntries(columns), rows });
}
