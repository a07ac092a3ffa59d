/** Processes that a process started, and those that they started. proc(5). */
import { readdirSync, readFileSync } from "node:fs";

export interface Running {
  readonly pid: number;
  /** The arguments, with spaces between. */
  readonly command: string;
  /** The most memory that it had so far, in bytes. */
  readonly peak: number;
}

/** @returns what descends from `ancestor` now and is not a zombie; those that end meanwhile are left out */
export function descendants(ancestor: number): Running[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? /^PPid:\s*(\d+)$/m.exec(read(`/proc/${name}/status`))?.[1] : undefined;
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || descends(parent));
  };
  return [...parents.keys()].filter(descends).flatMap((pid) => {
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    const peak = 1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
    return command === "" ? [] : [{ pid, command, peak }];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended
  }
}
