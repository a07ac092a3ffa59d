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
  const headings = columns.map(([, heading]) => heading);
  return tableOf([headings, ...rows.map((row) => columns.map(([field]) => String(row[field])))], least);
}

/** {@link alignColumns} of cells that strangers may have written. */
export function tableOf(lines: readonly (readonly string[])[], least = 0): string {
  const text = alignColumns(lines, least);
  const rows = text.split("\n");
  // nearly always nobody wrote anything but text: one look says so
  if (rows.length === lines.length && isPrintable(rows.join(""))) return text;
  return alignColumns(
    lines.map((line) => line.map(printable)),
    least,
  );
}

/** Columns as wide as their widest cell and a gap; the last cell of a line is as long as it is. */
export function alignColumns(lines: readonly (readonly string[])[], least = 0): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (let i = line.length - 2; i >= 0; i--) {
      const width = (line[i]?.length ?? 0) + GAP;
      if (width > (widths[i] ?? least)) widths[i] = width;
    }
  }
  let text = "";
  for (const [row, line] of lines.entries()) {
    const end = line.length - 1;
    if (row > 0) text += "\n";
    for (let i = 0; i < end; i++) text += line[i]?.padEnd(widths[i] ?? least);
    text += line[end] ?? "";
  }
  return text;
}
