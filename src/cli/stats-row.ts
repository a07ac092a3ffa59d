/** A container as a row of `stats`, in Docker's words and forms. */
import type { ListedContainer } from "../container/list.ts";
import type { Usage } from "../container/usage.ts";
import { shortID } from "./readable.ts";
import type { Columns } from "./table.ts";

/** Named as Docker's fields are. */
export interface StatsRow extends Record<string, unknown> {
  readonly Container: string;
  readonly ID: string;
  readonly Name: string;
  readonly CPUPerc: string;
  readonly MemUsage: string;
  readonly MemPerc: string;
  readonly NetIO: string;
  readonly BlockIO: string;
  readonly PIDs: string;
}

export const STATS_COLUMNS: Columns<StatsRow> = [
  ["ID", "CONTAINER ID"],
  ["Name", "NAME"],
  ["CPUPerc", "CPU %"],
  ["MemUsage", "MEM USAGE / LIMIT"],
  ["MemPerc", "MEM %"],
  ["NetIO", "NET I/O"],
  ["BlockIO", "BLOCK I/O"],
  ["PIDs", "PIDS"],
];

export const HEADINGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(STATS_COLUMNS),
  Container: "CONTAINER",
};

export interface Measured {
  readonly whole: boolean;
  readonly now: Usage | undefined;
  readonly before: Usage | undefined;
}

/** Zeros for one that does not run, as Docker has it. */
export function statsRow({ record }: ListedContainer, { whole, now, before }: Measured): StatsRow {
  const id = whole ? record.id : shortID(record.id);
  return {
    Container: id,
    ID: id,
    Name: record.name ?? "",
    CPUPerc: percent(processors(now, before)),
    MemUsage: `${binarySize(now?.memory ?? 0)} / ${binarySize(now?.memoryLimit ?? 0)}`,
    MemPerc: percent(now === undefined || now.memoryLimit === 0 ? 0 : now.memory / now.memoryLimit),
    NetIO: `${decimalSize(now?.received ?? 0)} / ${decimalSize(now?.sent ?? 0)}`,
    BlockIO: `${decimalSize(now?.read ?? 0)} / ${decimalSize(now?.written ?? 0)}`,
    PIDs: String(now?.tasks ?? 0),
  };
}

/** How many it kept busy between two measurements; a restart, or the end of a process that was summed, is no negative work. */
function processors(now: Usage | undefined, before: Usage | undefined): number {
  if (now === undefined || before === undefined || now.time <= before.time) return 0;
  return Math.max(now.nanoseconds - before.nanoseconds, 0) / (now.time - before.time);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

/** `7.832MiB`: four digits */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 4);
}

/** `7.83MB`: three digits, or as many as are asked for */
export function decimalSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"], digits);
}

function scaled(bytes: number, factor: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= factor && unit < units.length - 1; unit++) value /= factor;
  // C's %g: no zeros at the end, no exponent for numbers below the factor
  return `${Number(value.toPrecision(digits))}${units[unit]}`;
}
