/** Which containers there are. */
import { TsboxError } from "../error.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../linux/abi.gen.ts";
import { listFolder } from "../linux/directory.ts";
import { check, E, SyscallError } from "../linux/errno.ts";
import { lockedFiles, readTexts } from "../linux/many-files.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { type ContainerRecord, containerFolder, nameOwner } from "./folder.ts";
import {
  type ContainerState,
  containerState,
  type Exited,
  isAlive,
  isFrozen,
  judge,
  recordIfPresent,
  type Started,
} from "./state.ts";

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

/** So long are a container's files nearly always; what is longer is read again by itself. */
const RECORD_SIZE = 4096;
const MOMENT_SIZE = 512;

/** Their records alone, in no order: one small file for each. One that is being made or removed this moment may be passed over. */
export function listRecords(store: string): ContainerRecord[] {
  const ids = containerIDs(store);
  return withFolder(store, (folder) => {
    const paths = ids.map((id) => `${id}/container.json`);
    return readTexts(folder, paths, RECORD_SIZE).flatMap((text, i) => {
      if (text === undefined) return [];
      if (text.length * 3 >= RECORD_SIZE && Buffer.byteLength(text) >= RECORD_SIZE)
        return recordIfPresent(store, ids[i] ?? "") ?? [];
      return JSON.parse(text) as ContainerRecord; // cast: only tsbox writes it
    });
  });
}

/** The newest first. */
export function listContainers(store: string): ListedContainer[] {
  const records = listRecords(store).sort((a, b) => b.created - a.created);
  const states = listStates(store, records);
  return records.map((record, i) => ({ record, state: states[i] ?? containerState(store, record) }));
}

/** What {@link containerState} says of each, with as few crossings into the kernel as can be. */
export function listStates(store: string, records: readonly ContainerRecord[]): ContainerState[] {
  return withFolder(store, (folder) => {
    const paths = (name: string) => records.map(({ id }) => `${id}/${name}`);
    const held = lockedFiles(folder, paths("lock"));
    // in this order: what ended meanwhile has both, and has ended
    const started = readTexts(folder, paths("started.json"), MOMENT_SIZE).map(parseMoment<Started>);
    const exited = readTexts(folder, paths("exited.json"), MOMENT_SIZE).map(parseMoment<Exited>);
    const frozen = frozenOf(started.filter((_, i) => held[i] && exited[i] === null));
    return records.map((record, i) => {
      // too long for this
      if (started[i] === undefined || exited[i] === undefined) return containerState(store, record);
      const isHeld = held[i] === true;
      return judge(store, record, {
        held: isHeld,
        started: started[i] ?? undefined,
        exited: exited[i] ?? undefined,
        // while its monitor lives, which would have noted its end
        isAlive: ({ pid, startTime }) => isHeld || isAlive(pid, startTime),
        isFrozen: (cgroup) => frozen.get(cgroup) ?? isFrozen(cgroup),
      });
    });
  });
}

/** @returns null when there is no such file, undefined when it is not all of it */
function parseMoment<T>(text: string | undefined): T | null | undefined {
  if (text === undefined || text === "") return null;
  if (text.length * 3 >= MOMENT_SIZE && Buffer.byteLength(text) >= MOMENT_SIZE) return undefined;
  return JSON.parse(text) as T; // cast: only tsbox writes it
}

/** Which cgroups of containers that run are frozen. */
function frozenOf(started: readonly (Started | null | undefined)[]): ReadonlyMap<string, boolean> {
  const cgroups = started.flatMap((moment) => moment?.cgroup ?? []);
  const paths = cgroups.map((cgroup) => `${cgroup}/cgroup.freeze`);
  const texts = readTexts(AT_FDCWD, paths, 16);
  return new Map(cgroups.map((cgroup, i) => [cgroup, texts[i]?.trim() === "1"]));
}

/** Calls with a descriptor of `containers/`; without one there are none. */
function withFolder<T>(store: string, work: (folder: number) => T[]): T[] {
  const path = `${store}/containers`;
  const folder = syscall(SYS.openat, AT_FDCWD, cstring(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder === -E.ENOENT) return [];
  check("openat", folder, path);
  try {
    return work(folder);
  } finally {
    syscall(SYS.close, folder);
  }
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
