/** What the kernel tells of one process. proc(5) */
import { readShortText } from "../../linux/read-text.ts";

/** Of `/proc/PID/stat`: times in clock ticks, of which a second has a hundred for user space on every architecture. */
export const TICKS = 100;

export interface ProcessInfo {
  readonly pid: number;
  readonly comm: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of its terminal, 0 without. */
  readonly terminal: number;
  /** The foreground group of its terminal. */
  readonly foreground: number;
  /** In user and kernel mode, of it alone. */
  readonly ticks: number;
  /** Of children that have ended and were waited for. */
  readonly childrenTicks: number;
  readonly priority: number;
  readonly nice: number;
  readonly threads: number;
  /** Ticks after the host's start. */
  readonly startTime: number;
  /** Bytes. */
  readonly virtual: number;
  /** Bytes. */
  readonly resident: number;
  /** Of `/proc/PID/status`, by name; what a kernel lacks is not there. */
  readonly status: ReadonlyMap<string, string>;
  /** Empty for one that has ended. */
  readonly args: readonly string[];
}

/** @returns undefined when it is gone */
export function readProcess(pid: number): ProcessInfo | undefined {
  const stat = readShortText(`/proc/${pid}/stat`);
  const status = readShortText(`/proc/${pid}/status`);
  if (stat === undefined || stat === "" || status === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // fields[0] is the third of the man page
  const at = (place: number) => Number(fields[place - 3] ?? 0);
  const lines = new Map(
    status.split("\n").map((text): [string, string] => {
      const colon = text.indexOf(":");
      return [text.slice(0, colon), text.slice(colon + 1).trim()];
    }),
  );
  const line = (readShortText(`/proc/${pid}/cmdline`) ?? "").replace(/\0$/, "");
  return {
    pid,
    comm: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
    state: fields[0] ?? "?",
    parent: at(4),
    group: at(5),
    session: at(6),
    terminal: at(7),
    foreground: at(8),
    ticks: at(14) + at(15),
    childrenTicks: at(16) + at(17),
    priority: at(18),
    nice: at(19),
    threads: at(20),
    startTime: at(22),
    virtual: at(23),
    // in pages in `stat`, whose size differs from machine to machine; in kB here
    resident: Number.parseInt(lines.get("VmRSS") ?? "0", 10) * 1024,
    status: lines,
    args: line === "" ? [] : line.split("\0"),
  };
}

/** Of the `Uid` and `Gid` of a status: the effective and the real one. */
export function idsOf(
  { status }: ProcessInfo,
  name: "Uid" | "Gid",
): { readonly real: number; readonly effective: number } {
  const [real = 0, effective = 0] = (status.get(name) ?? "").split(/\s+/).map(Number);
  return { real, effective };
}
