/** What a container's root file system is made of, found on disk: for commands that look into it from outside. */
import { TsboxError } from "../error.ts";
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { exists, readText } from "../linux/read-text.ts";
import { digestHex } from "../oci/index.ts";
import type { LayeredRoot } from "../rootfs/index.ts";
import { type ContainerRecord, containerFolder } from "./folder.ts";
import { readOptions, type SavedOptions } from "./options-file.ts";

export interface ContainerRoot {
  readonly mapping: IdMapping;
  readonly form: "overlay" | "fuse-overlayfs" | "whole";
  /** Absolute path of the upper folder, or of the whole tree. */
  readonly top: string;
  readonly layersFolder: string;
  /** Names in it, lowest first. */
  readonly layers: readonly string[];
  /** What is mounted to see it; undefined for a tree of its own, which `top` is. */
  readonly mount: LayeredRoot | undefined;
  /** Undefined for containers of tsbox 0.1. */
  readonly saved: SavedOptions | undefined;
}

/** @throws TsboxError `unsupported` for a container without an image */
export function containerRoot(store: string, record: ContainerRecord): ContainerRoot {
  const folder = containerFolder(store, record.id);
  const saved = savedOptions(store, record.id);
  const mapping = saved?.mapping ?? chooseMapping().mapping;
  const image = saved?.root?.image ?? imageOf(store, record);
  if (image === undefined) {
    const rootfs = bundleConfig(folder).root?.path ?? saved?.options.rootfs;
    if (rootfs === undefined || !rootfs.startsWith("/"))
      throw new TsboxError(
        "unsupported",
        `cannot look into container ${record.id}: it does not say where its files are`,
      );
    return { mapping, form: "whole", top: rootfs, layersFolder: "", layers: [], mount: undefined, saved };
  }
  const { layersFolder, layers } = image;
  const driver = saved?.root?.driver ?? (exists(`${folder}/rootfs`) ? "copy" : "overlay");
  if (driver === "copy")
    return { mapping, form: "whole", top: `${folder}/rootfs`, layersFolder, layers, mount: undefined, saved };
  const mount: LayeredRoot = { kind: driver, layersFolder, layers, container: folder, disposable: false };
  return { mapping, form: driver, top: `${folder}/upper`, layersFolder, layers, mount, saved };
}

function savedOptions(store: string, id: string): SavedOptions | undefined {
  try {
    return readOptions(store, id);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return undefined;
    throw error;
  }
}

function imageOf(store: string, { needs }: ContainerRecord) {
  if (needs === undefined) return undefined;
  return { layersFolder: `${store}/layers/${needs.mapping}`, layers: needs.layers.map(digestHex) };
}

interface BundleConfig {
  readonly root?: { readonly path?: string };
  readonly mounts?: readonly { readonly destination: string }[];
}

function bundleConfig(folder: string): BundleConfig {
  if (!exists(`${folder}/config.json`)) return {}; // it was never started
  return JSON.parse(readText(`${folder}/config.json`)) as BundleConfig; // cast: only tsbox writes it
}

/** Where tsbox mounted something of its own when the container was last started; not what a person asked for. Without a slash at the start, latin1. */
export function ownMountPoints(store: string, record: ContainerRecord, saved: SavedOptions | undefined): string[] {
  const asked = new Set(saved?.options.mounts.map(({ destination }) => destination));
  const all = bundleConfig(containerFolder(store, record.id)).mounts ?? [];
  return all
    .map(({ destination }) => destination)
    .filter((path) => !asked.has(path))
    .map((path) => Buffer.from(path.replace(/^\/+/, "")).toString("latin1"));
}
