/**
 * Bind mounts of volumes and of images: what happens to their source before it is mounted. Other runtimes bind the same source by config.json
 * alone, and leave it as it is.
 */
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  LOCK_EX,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFREG,
} from "../linux/abi.gen.ts";
import type { Mount } from "../oci/index.ts";
import { encode, RECOVER_MISSING, type Slot } from "../plan/index.ts";
import { type Compilation, isMapped } from "./context.ts";
import type { MountOptions } from "./mount-options.ts";

export interface VolumeMount {
  /** Of the mount in config.json. */
  readonly destination: string;
  /** Absolute path on the host. */
  readonly source: string;
  /** Below the source, in which every link on the way is resolved (CVE-2021-25741). */
  readonly subpath?: string;
  /** All of it becomes the property of process.user. */
  readonly chown?: boolean;
  /**
   * Fill the source with what the root file system has in its place, unless that was done: `marker` is a file that is there until then. `again`:
   * it was begun and cut off, so that the source is emptied first.
   */
  readonly copyUp?: { readonly marker: string; readonly again: boolean };
  /** Layers that are to be mounted at the source first. */
  readonly overlay?: {
    readonly layersFolder: string;
    /** Names in it, lowest first. */
    readonly layers: readonly string[];
    /** With `upper` and `work` in it where it is writable. */
    readonly folder: string;
    readonly writable: boolean;
    /** A folder. */
    readonly at: string;
  };
}

/** What native writes into a marker. @see prepareVolumes */
const BEGUN = "copying";

/** How the mount is attached once it is in slot `mount`. */
type Attach = (
  path: string,
  type: number,
  options: MountOptions,
  how: { note: string; bind: boolean; links: boolean },
) => void;

/** Appends one. */
export function addVolumeMount(
  compilation: Compilation,
  volume: VolumeMount,
  mount: Mount,
  options: MountOptions,
  attach: Attach,
): void {
  const { inside, mount: slot, target } = compilation;
  const note = `mount ${mount.source} at ${mount.destination}`;
  if (volume.overlay !== undefined) addOverlay(compilation, volume.overlay, note);
  if (volume.copyUp !== undefined) addCopyUp(compilation, volume, volume.copyUp, mount);
  const flags = OPEN_TREE_CLONE | (options.bind === "bind" ? 0 : AT_RECURSIVE);
  if (volume.subpath === undefined) inside.add("open_tree", [slot, null, volume.source, flags], { note });
  else {
    const source = ownSlot(compilation);
    inside.add("openat2", [source, null, volume.source, O_PATH | O_DIRECTORY, 0, 0], { note });
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    inside.add("openat2", [target, source, volume.subpath, O_PATH, 0, resolve], { note });
    inside.add("open_tree", [slot, target, "", flags | AT_EMPTY_PATH], { note });
    inside.add("close", [target]);
    inside.add("close", [source]);
  }
  if (volume.chown) {
    const { uid, gid } = userOf(compilation);
    inside.add("chown_tree", [slot, uid, gid], { note: `give ${volume.source} to ${uid}:${gid}` });
  }
  const [file, done] = [inside.label(), inside.label()];
  // ENOTDIR is of that class; what the mount shows cannot be looked at before there is a namespace whose root may enter its folders
  inside.add("require_device", [slot, S_IFDIR, 0], { note, recover: RECOVER_MISSING, to: file });
  attach(mount.destination, S_IFDIR, options, { note, bind: true, links: true });
  inside.add("jump", [], { to: done });
  inside.place(file);
  attach(mount.destination, S_IFREG, options, { note, bind: true, links: true });
  inside.place(done);
}

function userOf({ config }: Compilation): { uid: number; gid: number } {
  return config.process?.user ?? { uid: 0, gid: 0 };
}

/** Slots are few: one for all volumes of a container. */
const slots = new WeakMap<Compilation["inside"], Slot>();

function ownSlot({ inside }: Compilation): Slot {
  const slot = slots.get(inside) ?? inside.slot();
  slots.set(inside, slot);
  return slot;
}

/** Containers that start at once with a new volume take turns: the first fills it, and takes the marker away. */
function addCopyUp(
  compilation: Compilation,
  { source }: VolumeMount,
  { marker, again }: NonNullable<VolumeMount["copyUp"]>,
  { destination }: Mount,
): void {
  const { inside, mount, root, target, mapping } = compilation;
  const note = `copy ${destination} into the new volume ${source}`;
  const [unlock, done] = [inside.label(), inside.label()];
  const lock = ownSlot(compilation);
  const gone = (to: typeof done) => ({ note, recover: RECOVER_MISSING, to });
  inside.add("openat2", [lock, null, marker, O_RDWR, 0, 0], gone(done));
  inside.add("lock", [lock, LOCK_EX], { note });
  inside.add("openat2", [target, null, marker, O_PATH, 0, 0], gone(unlock));
  inside.add("close", [target]);
  if (again) {
    inside.add("remove_tree", [null, source], { note });
    inside.add("mkdirat", [null, source, 0o755], { note });
  }
  inside.add("write_file", [null, marker, encode(BEGUN), O_WRONLY], { note });
  // who else should a folder belong to that the image knows nothing of; one that it has gets the owner that it has there
  const { uid, gid } = userOf(compilation);
  const mapped = mapping.kind === "none" || (isMapped(mapping.uids, uid) && isMapped(mapping.gids, gid));
  if (mapped) inside.add("fchownat", [null, source, uid, gid, 0], { note });
  inside.add("open_tree", [mount, null, source, OPEN_TREE_CLONE], { note });
  inside.add("inherit_folder", [mount, root, destination, 1, 1], { note });
  inside.add("close", [mount]);
  inside.add("unlinkat", [null, marker, 0], { note });
  inside.place(unlock);
  inside.add("close", [lock]);
  inside.place(done);
}

function addOverlay({ inside }: Compilation, overlay: NonNullable<VolumeMount["overlay"]>, note: string): void {
  const { layersFolder, layers, folder, writable, at } = overlay;
  const lower = layers.toReversed().map((name) => `lowerdir+=${name}`);
  const written = writable ? [`upperdir=${folder}/upper`, `workdir=${folder}/work`] : [];
  inside.add("chdir", [layersFolder], { note: `enter ${layersFolder}` });
  const options = [
    `lowerdir=${layers.toReversed().join(":")}`,
    ...(writable ? [`upperdir=${relative(layersFolder, `${folder}/upper`)}`] : []),
    ...(writable ? [`workdir=${relative(layersFolder, `${folder}/work`)}`] : []),
    "userxattr",
  ].join(",");
  if (options.length <= PAGE) inside.add("mount", ["overlay", at, "overlay", 0, options], { note });
  else {
    // a layer at a time (Linux 6.7)
    const [slot, place] = [inside.slot(), inside.slot()];
    inside.add("new_mount", [slot, "overlay", [...lower, ...written, "userxattr"], 0], { note });
    inside.add("openat2", [place, null, at, O_PATH, 0, 0], { note });
    inside.add("attach", [slot, place, ".", S_IFDIR, 1], { note });
    inside.add("close", [place]);
  }
  inside.add("chdir", ["/"]);
}

/** mount(2) takes one page of options; some is kept for what the kernel adds. */
const PAGE = 4000;

/** Free of characters at which options would be split: both are below the store. */
function relative(from: string, to: string): string {
  const [a, b] = [from.split("/"), to.split("/")];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
}
