/** Which containers there are. */
import { TsboxError } from "../error.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { type ContainerRecord, containerFolder, isRunning, nameOwner } from "./folder.ts";
import { readRecord } from "./state.ts";

export interface ListedContainer {
  readonly record: ContainerRecord;
  readonly running: boolean;
}

const ID = /^[0-9a-f]{64}$/;

/** Folders of `containers/` that are containers'. A store that has none yet has no such folder. */
function containerIDs(store: string): string[] {
  const fs = process.getBuiltinModule("node:fs");
  try {
    return fs.readdirSync(`${store}/containers`).filter((name) => ID.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []; // cast: what node:fs throws
    throw error;
  }
}

function readContainer(store: string, id: string): ListedContainer | undefined {
  try {
    return { record: readRecord(store, id), running: isRunning(containerFolder(store, id)) };
  } catch (error) {
    // being made, or removed, this moment
    if (error instanceof SyscallError && error.errno === E.ENOENT) return undefined;
    throw error;
  }
}

export function isContainerRunning(store: string, id: string): boolean {
  return isRunning(containerFolder(store, id));
}

/** The newest first. */
export function listContainers(store: string): ListedContainer[] {
  return containerIDs(store)
    .flatMap((id) => readContainer(store, id) ?? [])
    .sort((a, b) => b.record.created - a.record.created);
}

/**
 * @param text a name, an id, or the beginning of one
 * @returns the id
 * @throws TsboxError `not-found`; `usage` when several ids begin so
 */
export function findContainer(store: string, text: string): string {
  // a name is a file's name in the store, so nothing else is looked up there
  const owner = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text) ? nameOwner(store, text) : undefined;
  const ids = containerIDs(store);
  if (owner !== undefined && ids.includes(owner)) return owner;
  const found = /^[0-9a-f]+$/.test(text) ? ids.filter((id) => id.startsWith(text)) : [];
  const [only, other] = found;
  if (only === undefined)
    throw new TsboxError(
      "not-found",
      `cannot find container ${JSON.stringify(text)}: there is none of that name or id`,
    );
  if (other !== undefined)
    throw new TsboxError("usage", `cannot find container ${text}: ${found.length} ids begin so; give more of it`);
  return only;
}
