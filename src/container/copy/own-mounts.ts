/** What a person had mounted in a container that does not run: volumes and folders of the host, as `cp` shows them too. */
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFREG,
} from "../../linux/abi.gen.ts";
import { statIfPresent } from "../../linux/stat.ts";
import type { EnterParts, Slot } from "../../plan/index.ts";
import type { SavedOptions } from "../options-file.ts";

export interface OwnMount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Below the source; resolved in it. */
  readonly subpath: string | undefined;
  readonly destination: string;
  readonly readOnly: boolean;
}

/**
 * tmpfs and images are not among them: the one is empty, the other is not written to. In the order in which they are mounted.
 * @param started whether the container ran before, so that its volumes were filled
 */
export async function ownMounts(store: string, saved: SavedOptions | undefined, started: boolean): Promise<OwnMount[]> {
  const found: OwnMount[] = [];
  for (const { type, source, subpath, destination, options, flag } of saved?.options.mounts ?? []) {
    if (source === undefined || flag.startsWith("--device ")) continue;
    const path = type === "bind" ? source : type === "volume" ? await volumePath(store, source, started) : undefined;
    if (path === undefined || statIfPresent(path) === undefined) continue;
    found.push({ source: path, subpath, destination, readOnly: options.includes("ro") });
  }
  return found;
}

async function volumePath(store: string, name: string, started: boolean): Promise<string | undefined> {
  const { findVolume, volumeData, volumeKind } = await import("../volumes/index.ts");
  const volume = findVolume(store, name);
  if (volume === undefined || volumeKind(volume.options).type === "tmpfs") return undefined;
  const path = volumeData(store, volume);
  // a new one is filled with what the image has in its place when the container starts, if nothing is in it then
  if (started) return path;
  const { isEmptyFolder } = await import("../volumes/names.ts");
  return isEmptyFolder(path) ? undefined : path;
}

/** Appends what mounts them; each place is found in the container's root, by descriptor. */
export function addOwnMounts({ inside }: EnterParts, root: Slot, mounts: readonly OwnMount[]): void {
  if (mounts.length === 0) return;
  const [mount, folder, target] = [inside.slot(), inside.slot(), inside.slot()];
  for (const { source, subpath, destination, readOnly } of mounts) {
    const note = `mount ${source} at ${destination}`;
    const flags = OPEN_TREE_CLONE | AT_RECURSIVE;
    if (subpath === undefined) inside.add("open_tree", [mount, null, source, flags], { note });
    else {
      inside.add("openat2", [folder, null, source, O_PATH | O_DIRECTORY, 0, 0], { note });
      const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
      inside.add("openat2", [target, folder, subpath, O_PATH, 0, resolve], { note });
      inside.add("open_tree", [mount, target, "", flags | AT_EMPTY_PATH], { note });
      inside.add("close", [target]).add("close", [folder]);
    }
    if (readOnly)
      inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, null], { note });
    const isFolder = subpath !== undefined || statIfPresent(source)?.isFolder !== false;
    inside.add("attach", [mount, root, destination, isFolder ? S_IFDIR : S_IFREG, 1], { note });
  }
}
