/** What was measured, for people and for programs. */
import { type Measurement, type Row, score } from "./row.ts";

export type Outcome = Row & { readonly result?: Measurement; readonly error?: string };

export const isMet = ({ result, atMost }: Outcome): boolean => result !== undefined && score(result) <= atMost;

/** One row of `--json`. */
export function record(row: Outcome): object {
  const { name, work, peer, atMost, result, error } = row;
  return { name, work, peer, atMost, met: isMet(row), ...result, ...(result && { score: score(result) }), error };
}

const HEAD = ["work", "peer", "tsbox", "peer's", "ratio", "at most", "met", "runs"];

/** The table that `bun run bench` prints; what could not be measured is listed below it. */
export function table(rows: readonly Outcome[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? "").length)));
  const text = lines.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const errors = rows.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]));
  return [...text, ...(errors.length === 0 ? [] : ["", ...errors])].join("\n");
}

function cells(row: Outcome): string[] {
  const { work, peer, atMost, result } = row;
  const met = isMet(row) ? "yes" : "no";
  if (result === undefined) return [work, peer, "", "", "", String(atMost), `${met}, it failed`, ""];
  const value = (number: number) => `${number.toFixed(1)} ${result.unit}`;
  const theirs = result.peer === undefined ? "" : value(result.peer);
  const ratio = result.peer === undefined ? "" : score(result).toFixed(3);
  const bound = result.peer === undefined ? value(atMost) : String(atMost);
  return [work, peer, value(result.ours), theirs, ratio, bound, met, String(result.runs)];
}
