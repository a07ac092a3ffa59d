/** `prune`: what nothing needs goes, and what somebody is about to use stays, because whoever does has its lock. */
import { type ListedImage, pruneImages } from "../image/index.ts";
import { SYS } from "../linux/abi.gen.ts";
import { listFolder } from "../linux/directory.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { syscall } from "../linux/syscall.ts";
import { openStore } from "../store/index.ts";
import { event, imageEvent } from "./events.ts";
import { type ContainerRecord, containerFolder, takeLockIfThere } from "./folder.ts";
import { type ListedContainer, listContainers, listRecords } from "./list.ts";
import { dropDeadName, nameOwner } from "./names.ts";
import { discardContainer, removeContainerFolder } from "./remove.ts";
import { sizesOfContainers } from "./size.ts";
import { containerState, recordIfPresent, type Status } from "./state.ts";
import { sweepContainers } from "./sweep.ts";
import { sizesOf } from "./tree-sizes.ts";
import { pruneVolumes, type Volume, volumeData } from "./volumes/index.ts";

export interface Pruned {
  /** As they are printed. */
  readonly removed: readonly string[];
  readonly bytes: number;
}

/** So many have their locks open at once, and are removed side by side. */
const AT_ONCE = 16;

/** Removes containers that do not run, also such as were never started; volumes stay. */
export async function pruneContainers(store: string, wanted: (container: ListedContainer) => boolean): Promise<Pruned> {
  await sweepContainers(store);
  dropDeadNames(store);
  const ended = listContainers(store).filter((container) => hasEnded(container.state.status) && wanted(container));
  const removed: string[] = [];
  let bytes = 0;
  for (let at = 0; at < ended.length; at += AT_ONCE) {
    const looked = await Promise.all(ended.slice(at, at + AT_ONCE).map(({ record }) => lockEnded(store, record)));
    const locked = looked.filter((one) => one !== undefined);
    try {
      const records = locked.map(({ record }) => record);
      const sizes = await sizesOfContainers(store, records);
      await Promise.all(records.map((record) => remove(store, record)));
      for (const { id } of records) {
        removed.push(id);
        bytes += sizes.get(id) ?? 0;
      }
    } finally {
      for (const { lock } of locked) syscall(SYS.close, lock);
    }
  }
  return { removed, bytes };
}

interface Ended {
  readonly record: ContainerRecord;
  readonly lock: number;
}

function hasEnded(status: Status): boolean {
  return status === "exited" || status === "created";
}

async function remove(store: string, record: ContainerRecord): Promise<void> {
  if (record.remove) await discardContainer(store, record.id);
  else await removeContainerFolder(store, record.id);
  event(store, record, "destroy");
}

/** How long the monitor of one that has ended may take to let go of it, in ms; somebody else who has its lock keeps it for longer. */
const LAST_MOMENT = 500;

/** With its lock nobody can start it. @returns undefined when somebody has, or is about to */
async function lockEnded(store: string, { id }: ContainerRecord): Promise<Ended | undefined> {
  let lock: number | undefined;
  for (const deadline = Date.now() + LAST_MOMENT; ; await Bun.sleep(5)) {
    lock = takeLockIfThere(containerFolder(store, id));
    if (lock !== undefined) break;
    const now = recordIfPresent(store, id);
    const winds = now !== undefined && containerState(store, now).status === "exited";
    if (!winds || Date.now() > deadline) return undefined;
  }
  if (lock < 0) return undefined;
  // it may have run in between, or have another name by now
  const record = recordIfPresent(store, id);
  if (record !== undefined && hasEnded(containerState(store, record, false).status)) return { record, lock };
  syscall(SYS.close, lock);
  return undefined;
}

/** Names of containers that are gone, which kills leave and `rename` of such with --rm. */
function dropDeadNames(store: string): void {
  let names: string[];
  try {
    names = listFolder(`${store}/containers/names`).map(({ name }) => name);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return;
    throw error;
  }
  for (const name of names) {
    const owner = nameOwner(store, "containers", name);
    if (owner !== undefined) dropDeadName(store, "containers", name, owner);
  }
}

/** Removes volumes that no container has. */
export async function pruneUnusedVolumes(store: string, wanted: (volume: Volume) => boolean): Promise<Pruned> {
  let measured = new Map<string, number>();
  const volumes = await pruneVolumes(store, wanted, async (unused) => {
    const sizes = await sizesOf(unused.map((volume) => volumeData(store, volume)));
    measured = new Map(unused.map(({ name }, i) => [name, sizes[i] ?? 0]));
  });
  const removed = volumes.map(({ name }) => name);
  return { removed, bytes: removed.reduce((sum, name) => sum + (measured.get(name) ?? 0), 0) };
}

/** @param all those with names, too. @returns lines as Docker prints them */
export async function pruneUnusedImages(all: boolean, wanted: (image: ListedImage) => boolean): Promise<Pruned> {
  const store = openStore();
  const mounted = new Set(
    listRecords(store.root).flatMap(({ mounts = [] }) =>
      mounts.flatMap(({ type, name }) => (type === "image" && name !== undefined ? [name] : [])),
    ),
  );
  const measure = async (path: string) => (await sizesOf([path]))[0] ?? 0;
  const { images, deleted, bytes } = await pruneImages(store, { all, wanted, mounted, measure });
  const untagged = images.flatMap(({ name }) => (name === undefined ? [] : [name]));
  for (const name of untagged) imageEvent(store.root, "untag", name);
  for (const id of deleted) imageEvent(store.root, "delete", id);
  return {
    removed: [...new Set(untagged)].map((name) => `untagged: ${name}`).concat(deleted.map((id) => `deleted: ${id}`)),
    bytes,
  };
}
