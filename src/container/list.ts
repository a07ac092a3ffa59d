/** Which containers there are. */
import { TsboxError } from "../error.ts";
import { listFolder } from "../linux/directory.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { exists } from "../linux/read-text.ts";
import { type ContainerRecord, containerFolder, nameOwner } from "./folder.ts";
import { type ContainerState, containerState, recordIfPresent } from "./state.ts";

export interface ListedContainer {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

const ID = /^[0-9a-f]{64}$/;

/** Folders of `containers/` that are containers'. A store that has none yet has no such folder. */
export function containerIDs(store: string): string[] {
  try {
    return listFolder(`${store}/containers`).flatMap(({ name }) => (ID.test(name) ? [name] : []));
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return [];
    throw error;
  }
}

/** Their records alone, in no order: one small file for each. */
export function listRecords(store: string): ContainerRecord[] {
  return containerIDs(store).flatMap((id) => recordIfPresent(store, id) ?? []);
}

/** The newest first. One that is being made or removed this moment may be passed over. */
export function listContainers(store: string): ListedContainer[] {
  return listRecords(store)
    .sort((a, b) => b.created - a.created)
    .map((record) => ({ record, state: containerState(store, record) }));
}

/** Whether it has processes: `ps` without `-a` lists those. */
export function isUp({ status }: ContainerState): boolean {
  return status !== "created" && status !== "exited";
}

/**
 * A whole id counts before a name, and a name before the beginning of an id, as with Docker.
 *
 * @param text a name, an id, or the beginning of one; Docker's `/name` is the name
 * @returns the id
 * @throws TsboxError `not-found`; `usage` when several ids begin so, naming them
 */
export function findContainer(store: string, text: string): string {
  const word = text.startsWith("/") ? text.slice(1) : text;
  const isThere = (id: string) => ID.test(id) && exists(containerFolder(store, id));
  if (isThere(word)) return word;
  // a name is a file's name in the store, so nothing else is looked up there
  const owner = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(word) ? nameOwner(store, word) : undefined;
  if (owner !== undefined && isThere(owner)) return owner;
  // also those without a record, which somebody left half made and wants to remove
  const found = /^[0-9a-f]+$/.test(word) ? containerIDs(store).filter((id) => id.startsWith(word)) : [];
  const [only] = found;
  if (only === undefined)
    throw new TsboxError(
      "not-found",
      `cannot find container ${JSON.stringify(text)}: there is none of that name or id`,
    );
  if (found.length === 1) return only;
  const matches = found.map((id) => {
    const name = recordIfPresent(store, id)?.name;
    return name === undefined ? id.slice(0, 16) : `${id.slice(0, 16)} (${name})`;
  });
  throw new TsboxError(
    "usage",
    `cannot find container ${text}: ${found.length} ids begin so: ${matches.sort().join(", ")}; give more of it`,
  );
}
