/** Rows of fields as a table. What `--format` asks for is in `format/`, and loaded when it is given. */
import { isPrintable, printable } from "./readable.ts";

/** A field's name in `--format`, the heading in the table. */
export type Columns<T> = readonly (readonly [field: keyof T & string, heading: string])[];

export type Row = Readonly<Record<string, unknown>>;

/** So wide is each column of Docker's tables at least, the gap included. */
export const DOCKER_WIDTH = 10;
/** Between columns. */
const GAP = 3;

/** @param least columns are that wide at least, the gap included */
export function renderTable<T extends Row>(columns: Columns<T>, rows: readonly T[], least = 0): string {
  const cells = rows.map((row) => columns.map(([field]) => String(row[field])));
  // nearly always nobody wrote anything but text: one look says so
  const clean = isPrintable(cells.join("")) ? cells : cells.map((line) => line.map(printable));
  const lines = [columns.map(([, heading]) => heading), ...clean];
  return alignColumns(lines, least);
}

/** Columns as wide as their widest cell and a gap; the last cell of a line is as long as it is. */
export function alignColumns(lines: readonly (readonly string[])[], least = 0): string {
  const widths: number[] = [];
  for (const line of lines)
    for (let i = 0; i < line.length - 1; i++) widths[i] = Math.max(widths[i] ?? least, (line[i] ?? "").length + GAP);
  return lines
    .map((line) => line.map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join(""))
    .join("\n");
}
