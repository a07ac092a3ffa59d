/** Removing volumes, in none of which anything of a container may be lost. */
import { TsboxError } from "../../error.ts";
import { chooseMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { randomHex } from "../../linux/random.ts";
import { statIfPresent } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { removeTree } from "../../rootfs/tree/index.ts";
import { noteEvent } from "../events.ts";
import type { ContainerRecord } from "../folder.ts";
import { namesIn } from "./names.ts";
import { volumeUsers } from "./use.ts";
import { findVolume, ownVolumes, requireVolume, type Volume, volumeFolder } from "./volume.ts";

/** The newest first. */
export function listVolumes(store: string): Volume[] {
  return namesIn(`${store}/volumes`)
    .filter((name) => /^[a-zA-Z0-9]/.test(name))
    .flatMap((name) => findVolume(store, name) ?? [])
    .sort((a, b) => b.created - a.created || (a.name < b.name ? -1 : 1));
}

/**
 * Removes a volume that no container uses, with all that it holds.
 * @throws TsboxError `not-found`; `busy` naming the containers that use it
 */
export async function removeVolume(store: string, name: string): Promise<void> {
  using _lock = await ownVolumes(store);
  requireVolume(store, name);
  const users = volumeUsers(store).get(name) ?? [];
  if (users.length > 0) {
    const ids = users.map((id) => id.slice(0, 12)).join(", ");
    throw new TsboxError("busy", `cannot remove volume ${name}: volume is in use - [${ids}]`, {
      context: { containers: users },
    });
  }
  await removeFiles(store, name);
}

/**
 * Removes each volume that no container uses and that `wanted` says yes to, and what creations that were killed left.
 * @param before told of those that will be removed
 * @returns those that were removed
 */
export async function pruneVolumes(
  store: string,
  wanted: (volume: Volume) => boolean,
  before?: (volumes: readonly Volume[]) => Promise<void>,
): Promise<Volume[]> {
  using _lock = await ownVolumes(store);
  const users = volumeUsers(store);
  const unused = listVolumes(store).filter((volume) => !users.has(volume.name) && wanted(volume));
  if (unused.length > 0) await before?.(unused);
  const removed: Volume[] = [];
  for (const volume of unused) if (await removeFiles(store, volume.name)) removed.push(volume);
  // made under a lock that is held now: nobody is at work on them. Those of `volume create` are younger than a minute
  for (const name of namesIn(`${store}/volumes`)) if (isLeftover(store, name)) await removeFiles(store, name);
  return removed;
}

const MINUTE = 60_000;

function isLeftover(store: string, name: string): boolean {
  if (name.startsWith(".old-")) return true;
  // native, which removes volumes with their containers, was killed at it
  if (!name.startsWith(".")) return findVolume(store, name) === undefined;
  if (!name.startsWith(".new-")) return false;
  const stat = statIfPresent(volumeFolder(store, name));
  return stat !== undefined && Date.now() - Number(stat.mtime[0]) * 1000 > MINUTE;
}

/**
 * Removes the volumes that were made for a container, unless another has them too (`--volumes-from`). The container's record must be gone
 * already, or be left out of account by its id being `record.id`.
 */
export async function removeAnonymousVolumes(
  store: string,
  record: Pick<ContainerRecord, "id" | "mounts">,
): Promise<void> {
  const names = (record.mounts ?? []).flatMap(({ type, name, anonymous }) =>
    type === "volume" && anonymous && name !== undefined ? name : [],
  );
  if (names.length === 0) return;
  using _lock = await ownVolumes(store);
  const users = volumeUsers(store);
  for (const name of new Set(names)) {
    const others = (users.get(name) ?? []).filter((id) => id !== record.id);
    if (others.length === 0 && statIfPresent(volumeFolder(store, name)) !== undefined) await removeFiles(store, name);
  }
}

/**
 * From the rename on there is no such volume, also when this is killed.
 * @returns false when it is gone already: native removes volumes with their containers, and takes no lock
 */
async function removeFiles(store: string, name: string): Promise<boolean> {
  const old = name.startsWith(".") ? name : `.old-${randomHex(8)}`;
  const [from, to] = [volumeFolder(store, name), volumeFolder(store, old)];
  if (old !== name) {
    const renamed = syscall(SYS.renameat2, AT_FDCWD, cstring(from), AT_FDCWD, cstring(to), 0);
    if (renamed === -E.ENOENT) return false;
    check("renameat2", renamed, from);
    noteEvent(store, { type: "volume", action: "destroy", id: name, driver: "local" });
  }
  await removeTree(to, unpackMapping(chooseMapping().mapping));
  return true;
}
