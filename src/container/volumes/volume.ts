/**
 * A volume on disk: `volumes/<name>/` in the store.
 *
 *     volume.json   the record below
 *     _data         what it holds; its files may belong to subordinate ids
 *     own           of a volume without a name, as long as one container alone has it: native takes it away before it removes the volume with
 *                   its container, and a container that is to have the volume too renames it to `shared`
 *     fresh         there until it was first used: then it is filled with what the image has in its place. "copying" while that is done
 *
 * Made whole: written under another name and renamed, so that who makes it has the name. `volumes/.lock` is held (flock), shared, while a
 * container that names volumes is being written down, and exclusively while volumes are removed.
 */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { type FileLock, lockFile, lockFileWhenFree } from "../../linux/lock.ts";
import { randomHex } from "../../linux/random.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders, writeText } from "../../linux/write-text.ts";
import { noteEvent } from "../events.ts";
import { checkVolumeName } from "../spec/mount-flags.ts";
import { type VolumeOptions, volumeKind } from "./options.ts";

export interface Volume {
  readonly name: string;
  readonly driver: "local";
  readonly labels: Readonly<Record<string, string>>;
  /** Of `volume create -o`. */
  readonly options: VolumeOptions;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Made for a container, which takes it along when it is removed. */
  readonly anonymous: boolean;
}

const RENAME_NOREPLACE = 1;

export function volumeFolder(store: string, name: string): string {
  return `${store}/volumes/${name}`;
}

/** Where its files are: its own folder, or the one that it stands for. */
export function volumeData(store: string, { name, options }: Pick<Volume, "name" | "options">): string {
  const kind = volumeKind(options);
  return kind.type === "bind" ? kind.device : `${volumeFolder(store, name)}/_data`;
}

/** Blocks for the milliseconds in which volumes are removed. Disposing lets go of it. */
export function shareVolumes(store: string): FileLock {
  makeFolders(`${store}/volumes`, 0o700);
  return lockFile(`${store}/volumes/.lock`, { mode: "shared" });
}

/** While it is held no container can begin to use a volume. */
export async function ownVolumes(store: string): Promise<FileLock> {
  makeFolders(`${store}/volumes`, 0o700);
  return await lockFileWhenFree(`${store}/volumes/.lock`, { mode: "exclusive" });
}

/**
 * Makes a volume. Atomic.
 * @returns false when there is one of that name; it is as it was
 * @throws TsboxError `usage` for a name that none can have; SyscallError
 */
export function createVolume(store: string, wanted: Partial<Volume> & { readonly name: string }): boolean {
  const { name, labels = {}, options = {}, anonymous = false } = wanted;
  checkVolumeName(name, `volume ${JSON.stringify(name)}`);
  const folder = volumeFolder(store, name);
  if (exists(`${folder}/volume.json`)) return false;
  makeFolders(`${store}/volumes`, 0o700);
  const part = `${store}/volumes/.new-${randomHex(8)}`;
  try {
    makeFolder(part, 0o700);
    makeFolder(`${part}/_data`);
    // whatever the caller's mask: programs of other users are to look into it
    check("fchmodat", syscall(SYS.fchmodat, AT_FDCWD, cstring(`${part}/_data`), 0o755), `${part}/_data`);
    writeText(`${part}/fresh`, "", { mode: 0o600 });
    if (anonymous) writeText(`${part}/own`, "", { mode: 0o600 });
    const volume: Volume = { name, driver: "local", labels, options, created: Date.now(), anonymous };
    writeText(`${part}/volume.json`, JSON.stringify(volume), { mode: 0o600 });
  } catch (error) {
    removePart(part);
    throw error;
  }
  const made = syscall(SYS.renameat2, AT_FDCWD, cstring(part), AT_FDCWD, cstring(folder), RENAME_NOREPLACE);
  if (made === 0) {
    noteEvent(store, { type: "volume", action: "create", id: name, driver: "local" });
    return true;
  }
  removePart(part);
  if (made !== -E.EEXIST && made !== -E.ENOTEMPTY) check("renameat2", made, folder);
  return false;
}

/** Takes back a volume that nobody has used. */
export function removeEmptyVolume(store: string, name: string): void {
  removePart(volumeFolder(store, name));
}

function removePart(folder: string): void {
  for (const name of ["fresh", "own", "volume.json"]) syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  for (const path of [`${folder}/_data`, folder]) syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR);
}

/** @returns undefined when there is none. @throws TsboxError `invalid` for one that cannot be read */
export function findVolume(store: string, name: string): Volume | undefined {
  const path = `${volumeFolder(store, name)}/volume.json`;
  try {
    return JSON.parse(readText(path)) as Volume; // cast: only tsbox writes it
  } catch (cause) {
    if (cause instanceof SyscallError && (cause.errno === E.ENOENT || cause.errno === E.ENOTDIR)) return undefined;
    if (cause instanceof SyscallError) throw cause;
    throw new TsboxError("invalid", `cannot read ${path}: it is not JSON`, { cause });
  }
}

/** @throws TsboxError `not-found` */
export function requireVolume(store: string, name: string): Volume {
  // a name is a folder's name in the store, so nothing else is looked up there
  const volume = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) ? findVolume(store, name) : undefined;
  if (volume === undefined)
    throw new TsboxError("not-found", `cannot find volume ${JSON.stringify(name)}: there is none of that name`);
  return volume;
}

/** Whether it goes with one container's end. */
export function isOwned(store: string, name: string): boolean {
  return exists(`${volumeFolder(store, name)}/own`);
}

/**
 * Another container is to have an anonymous volume: from here on it does not go with its first one's end.
 * @throws TsboxError `not-found` when that is just happening
 */
export function shareVolume(store: string, name: string): void {
  const folder = volumeFolder(store, name);
  const [own, shared] = [`${folder}/own`, `${folder}/shared`];
  const result = syscall(SYS.renameat2, AT_FDCWD, cstring(own), AT_FDCWD, cstring(shared), 0);
  if (result === 0 || exists(shared)) return;
  throw new TsboxError("not-found", `cannot use volume ${name}: it is removed with its container this moment`);
}
