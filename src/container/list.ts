/** Which containers there are. */
import { TsboxError } from "../error.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, SYS } from "../linux/abi.gen.ts";
import { listNames } from "../linux/directory.ts";
import { check, E } from "../linux/errno.ts";
import { type Look, type Looks, lookInto, padPaths } from "../linux/many-files.ts";
import { isAlive } from "../linux/process.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { type ContainerRecord, containerFolder } from "./folder.ts";
import { isName, nameOwner } from "./names.ts";
import {
  type ContainerState,
  containerState,
  type Exited,
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
  return withFolder(store, containerFolders);
}

function containerFolders(containers: number): string[] {
  return listNames(containers, /[^0-9a-f]([0-9a-f]{64})\0/g);
}

/** Their files are nearly always shorter; one that is not is read again by itself. */
const RECORD: Look = { name: "container.json", most: 4096 };
const STATE: readonly Look[] = [
  { name: "lock", most: 0 },
  // in this order: what ended meanwhile has both, and has ended
  { name: "started.json", most: 512 },
  { name: "exited.json", most: 512 },
];

/** Their records alone, in no order: one small file for each. One that is being made or removed this moment may be passed over. */
export function listRecords(store: string): ContainerRecord[] {
  return withFolder(store, (containers) => {
    const ids = containerFolders(containers);
    const seen = lookInto(containers, ids, [RECORD]);
    return ids.flatMap((id, i) => recordOf(store, id, seen, i) ?? []);
  });
}

/** The newest first. */
export function listContainers(store: string): ListedContainer[] {
  const listed = withFolder(store, (containers) => {
    const ids = containerFolders(containers);
    const seen = lookInto(containers, ids, [RECORD, ...STATE]);
    const moments = ids.map((id, i) => ({
      id,
      held: seen.isLocked(i, 1),
      started: momentOf<Started>(seen, i, 2),
      exited: momentOf<Exited>(seen, i, 3),
    }));
    const frozen = frozenOf(
      moments.flatMap(({ held, started, exited }) => (held && started && exited === null ? started : [])),
    );
    return moments.flatMap(({ id, held, started, exited }, i): ListedContainer[] => {
      const record = recordOf(store, id, seen, i);
      if (record === undefined) return [];
      if (started === undefined || exited === undefined) return [{ record, state: containerState(store, record) }];
      const state = judge(store, record, {
        started: started ?? undefined,
        exited: () => exited ?? undefined,
        isHeld: () => held,
        // while its monitor lives, which would have noted its end
        isAlive: (process) => held || isAlive(process),
        isFrozen: (cgroup) => frozen.get(cgroup) ?? isFrozen(cgroup),
      });
      return [{ record, state }];
    });
  });
  return listed.sort((a, b) => b.record.created - a.record.created);
}

/** @returns undefined when there is no such container, or no more */
function recordOf(store: string, id: string, seen: Looks, folder: number): ContainerRecord | undefined {
  const text = seen.text(folder, 0);
  if (text === undefined) return undefined;
  return seen.isWhole(folder, 0) ? (JSON.parse(text) as ContainerRecord) : recordIfPresent(store, id); // cast: only tsbox writes it
}

/** @returns null when there is no such file, undefined when it is not all of it */
function momentOf<T>(seen: Looks, folder: number, look: number): T | null | undefined {
  const text = seen.text(folder, look);
  if (text === undefined || text === "") return null;
  return seen.isWhole(folder, look) ? (JSON.parse(text) as T) : undefined; // cast: only tsbox writes it
}

/** Which cgroups of containers that run are frozen. */
function frozenOf(started: readonly Started[]): ReadonlyMap<string, boolean> {
  const cgroups = started.flatMap(({ cgroup }) => cgroup ?? []);
  if (cgroups.length === 0) return new Map();
  const seen = lookInto(AT_FDCWD, padPaths(cgroups), [{ name: "cgroup.freeze", most: 16 }]);
  return new Map(cgroups.map((cgroup, i) => [cgroup, seen.text(i, 0)?.trim() === "1"]));
}

/** Calls with a descriptor of `containers/`; without one there are none. */
function withFolder<T>(store: string, work: (folder: number) => T[]): T[] {
  const path = `${store}/containers`;
  const folder = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
  const owner = isName(word) ? nameOwner(store, "containers", word) : undefined;
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
