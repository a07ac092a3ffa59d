/** Changing what is written down of a container that is there already: one at a time, and readers see the old record or the new one. */
import { TsboxError } from "../error.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { lockFile } from "../linux/lock.ts";
import { replaceFile } from "../linux/write-text.ts";
import { type ContainerRecord, containerFolder } from "./folder.ts";
import { readOptions } from "./options-file.ts";
import type { RunOptions } from "./spec/options.ts";
import { readRecord } from "./state.ts";

export interface Change {
  readonly record?: Partial<ContainerRecord>;
  readonly options?: Partial<RunOptions>;
}

/**
 * Makes a container's changes one after the other. The lock is not the container's own, which its monitor holds.
 * @throws TsboxError `not-found` when it is removed meanwhile; SyscallError
 */
export async function changingRecord<T>(
  store: string,
  id: string,
  work: (record: ContainerRecord) => T | Promise<T>,
): Promise<T> {
  try {
    using _lock = lockFile(`${containerFolder(store, id)}/changes.lock`, { mode: "exclusive" });
    return await work(readRecord(store, id));
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT)
      throw new TsboxError("not-found", `cannot change container ${id.slice(0, 12)}: it was removed`, { cause: error });
    throw error;
  }
}

/** Within {@link changingRecord}. The record last: whoever finds it changed finds the options changed. @throws SyscallError */
export function writeChange(store: string, id: string, change: Change): void {
  const folder = containerFolder(store, id);
  if (change.options !== undefined) {
    const saved = readOptions(store, id);
    replaceFile(
      `${folder}/options.json`,
      JSON.stringify({ ...saved, options: { ...saved.options, ...change.options } }),
      0o600,
    );
  }
  if (change.record !== undefined)
    replaceFile(`${folder}/container.json`, JSON.stringify({ ...readRecord(store, id), ...change.record }));
}
