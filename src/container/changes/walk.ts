/**
 * What a container has changed of its image: its own tree compared with the image's layers, without mounting anything. Runs as root of the
 * user namespace that the trees were made in; all by descriptor and through no link (rootfs/tree/open-tree.ts), because the container
 * may be changing them at this moment.
 */

import { attributesOf } from "../../image/tar-writer/index.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from "../../linux/abi.gen.ts";
import type { Stat } from "../../linux/stat.ts";
import { countingLayers, type Descriptor, isWhiteout, lookIn, openIn, readLinkIn } from "../../rootfs/tree/index.ts";
import { hasVanished, namesIn } from "../copy/place.ts";
import { isOpaqueFolder, type Listing, readMarkers } from "./markers.ts";

export interface ChangesJob {
  /** `overlay`: only what was written, with whiteouts. `whole`: everything, in a tree of its own. */
  readonly form: "overlay" | "fuse-overlayfs" | "whole";
  /** Absolute path of the container's tree. */
  readonly top: string;
  /** Absolute paths of the image's layers, lowest first. */
  readonly layers: readonly string[];
  /** Where tsbox mounts something of its own, without a slash at the start: what was made to mount it on is no change. */
  readonly mountPoints: readonly string[];
}

/** Docker's letters: added, changed (or has something changed below), deleted. */
export interface Change {
  readonly kind: "A" | "C" | "D";
  /** Latin1, without a slash at the start. */
  readonly path: string;
  /** Of what is there now; undefined for what was deleted. */
  readonly stat: Stat | undefined;
  /** A folder that hides all that the image has in it. */
  readonly opaque: boolean;
  /** Deleted with an opaque folder, which says so already. */
  readonly covered: boolean;
}

export class Walk {
  readonly #top: Descriptor;
  readonly #job: ChangesJob;
  readonly #fuse: boolean;
  readonly #mountPoints: ReadonlySet<string>;
  /** Folders on the way down, not told of yet: they are when something below is. */
  #pending: Change[] = [];

  constructor(job: ChangesJob, top: Descriptor) {
    this.#job = job;
    this.#top = top;
    this.#fuse = job.form === "fuse-overlayfs";
    this.#mountPoints = new Set(job.mountPoints);
  }

  /**
   * In the order of paths, byte by byte, each folder before what is in it.
   * @param layers uppermost first
   * @throws SyscallError
   */
  *changes(layers: readonly Descriptor[]): Generator<Change> {
    yield* this.#folder("", countingLayers(layers, ""));
  }

  /** @param below the layers whose folder of this path is seen through */
  *#folder(path: string, below: readonly Descriptor[]): Generator<Change, boolean> {
    const own = this.#list(path);
    const opaque = this.#isOpaque(path, own);
    const hidden = this.#job.form === "whole" || opaque ? namesBelow(path, below) : [];
    let mountPoint = false;
    for (const name of [...new Set([...own.names.keys(), ...hidden])].sort()) {
      const entry = path === "" ? name : `${path}/${name}`;
      const lower = lookBelow(below, entry);
      const stat = own.names.get(name) !== "entry" ? undefined : lookIn(this.#top, entry);
      if (stat === undefined || isWhiteout(stat)) {
        if (lower !== undefined) yield* this.#tell({ ...NOTHING, kind: "D", path: entry, covered: opaque });
      } else if (lower === undefined && this.#isMountPoint(entry, stat)) mountPoint = true;
      else yield* this.#entry(entry, stat, lower, below);
    }
    return mountPoint;
  }

  *#entry(path: string, stat: Stat, lower: InLayer | undefined, below: readonly Descriptor[]): Generator<Change> {
    if (!stat.isFolder) {
      if (lower === undefined) yield* this.#tell({ ...NOTHING, kind: "A", path, stat });
      // what overlay has copied up was opened for writing, or changed: as with Docker that is a change
      else if (this.#job.form !== "whole" || !this.#isSame(path, stat, lower))
        yield* this.#tell({ ...NOTHING, kind: "C", path, stat });
      return;
    }
    const next = lower?.stat.isFolder ? countingLayers(below, path) : [];
    const opaque = lower !== undefined && next.length > 0 && this.#isOpaque(path, this.#list(path));
    const change: Change = { ...NOTHING, kind: lower === undefined ? "A" : "C", path, stat, opaque };
    if (lower === undefined || !lower.stat.isFolder || opaque) {
      yield* this.#tell(change);
      yield* this.#folder(path, next);
      return;
    }
    const mark = this.#pending.length;
    this.#pending.push(change);
    const mounted = yield* this.#folder(path, next);
    const told = this.#pending.length <= mark;
    // making a mount point changes its folder's time, which is no change of the container's
    if (!told && !this.#isSame(path, mounted ? { ...stat, mtime: lower.stat.mtime } : stat, lower)) yield* this.#tell();
    this.#pending.length = Math.min(this.#pending.length, mark);
  }

  /** Folders above first. */
  *#tell(change?: Change): Generator<Change> {
    const pending = this.#pending;
    this.#pending = [];
    yield* pending;
    if (change !== undefined) yield change;
  }

  #list(path: string): Listing {
    return readMarkers(namesIfPresent(this.#top, path), this.#fuse);
  }

  #isOpaque(path: string, own: Listing): boolean {
    if (this.#job.form === "whole" || path === "") return false;
    if (own.opaque) return true;
    try {
      using folder = openIn(this.#top, path, O_RDONLY | O_DIRECTORY);
      return isOpaqueFolder(folder.fd, this.#fuse);
    } catch (error) {
      if (hasVanished(error)) return false;
      throw error;
    }
  }

  /** Something empty to mount on, or folders that hold nothing else. */
  #isMountPoint(path: string, stat: Stat): boolean {
    const isOne = this.#mountPoints.has(path);
    if (!stat.isFolder) return isOne && stat.isFile && stat.size === 0;
    const above = isOne || [...this.#mountPoints].some((point) => point.startsWith(`${path}/`));
    if (!above) return false;
    const names = namesIfPresent(this.#top, path);
    if (names.length === 0) return isOne;
    return names.every((name) => {
      const inner = lookIn(this.#top, `${path}/${name}`);
      return inner === undefined || this.#isMountPoint(`${path}/${name}`, inner);
    });
  }

  #isSame(path: string, stat: Stat, { tree, stat: lower }: InLayer): boolean {
    if (stat.mode !== lower.mode || stat.uid !== lower.uid || stat.gid !== lower.gid) return false;
    if (stat.mtime[0] !== lower.mtime[0] || stat.mtime[1] !== lower.mtime[1]) return false;
    if (stat.rdevMajor !== lower.rdevMajor || stat.rdevMinor !== lower.rdevMinor) return false;
    if (stat.isLink) return readLinkIn(this.#top, path) === readLinkIn(tree, path);
    if (!stat.isFile && !stat.isFolder) return true;
    if (stat.isFile && stat.size !== lower.size) return false;
    try {
      return attributesText(this.#top, path, stat) === attributesText(tree, path, lower);
    } catch (error) {
      if (hasVanished(error)) return false;
      throw error;
    }
  }
}

const NOTHING = { stat: undefined, opaque: false, covered: false } as const;

interface InLayer {
  readonly tree: Descriptor;
  readonly stat: Stat;
}

function attributesText(tree: Descriptor, path: string, stat: Stat): string {
  using file = openIn(tree, path, O_RDONLY | O_NOFOLLOW | (stat.isFolder ? O_DIRECTORY : O_NONBLOCK));
  const own = attributesOf(file.fd).filter(([name]) => !/^(user|trusted)\.(overlay|fuseoverlayfs)\./.test(name));
  return own.map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`).join();
}

/** What layers that are all seen through show at a path directly in their folder. */
function lookBelow(below: readonly Descriptor[], path: string): InLayer | undefined {
  for (const tree of below) {
    const stat = lookIn(tree, path);
    if (stat !== undefined) return isWhiteout(stat) ? undefined : { tree, stat };
  }
  return undefined;
}

function namesBelow(path: string, below: readonly Descriptor[]): string[] {
  return below.flatMap((tree) => namesIn(tree, path));
}

/** The container may have removed it this moment. */
function namesIfPresent(tree: Descriptor, path: string): string[] {
  try {
    return namesIn(tree, path);
  } catch (error) {
    if (hasVanished(error)) return [];
    throw error;
  }
}
