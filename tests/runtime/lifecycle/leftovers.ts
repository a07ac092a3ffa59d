/** What a container could leave behind: processes, mounts, descriptors, folders. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Box, until } from "./box.ts";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended, or is somebody else's
  }
}

function links(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}

/** Processes that have to do with a folder: by their arguments, mounts, root, working folder or open files. Not this one. */
export function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const of = `/proc/${pid}`;
      return [read(`${of}/cmdline`), read(`${of}/mountinfo`), ...links(`${of}/fd`), ...links(of)].some((text) =>
        text.includes(folder),
      );
    })
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
}

/** What the test process has to do with a folder, to be compared before and after. */
export interface Surroundings {
  /** Lines of mountinfo: mounts of others come and go. */
  readonly mounts: readonly string[];
  readonly descriptors: number;
}

export function surroundings(folder: string): Surroundings {
  const mounts = read("/proc/self/mountinfo").split("\n");
  if (mounts.length < 2) throw new Error("cannot read the mounts");
  return { mounts: mounts.filter((line) => line.includes(folder)), descriptors: readdirSync("/proc/self/fd").length };
}

/** The same mounts, and no more descriptors: fewer when an earlier test's were closed meanwhile. */
export function expectNoMore(after: Surroundings, before: Surroundings): void {
  expect(after.mounts).toEqual(before.mounts as string[]); // cast: toEqual wants what can be written to
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
}

/** @throws Error unless no process of the box is left after half a minute, and no state */
export async function expectNothingLeft(it: Box, what: string): Promise<void> {
  const folder = it.path("");
  try {
    await until(() => it.left().length === 0 && processesOf(folder).length === 0, "the end");
  } catch {
    throw new Error(`${what} left ${JSON.stringify({ states: it.left(), processes: processesOf(folder) })}`);
  }
}
