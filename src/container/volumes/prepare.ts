/** What a container's volumes and images are mounted from, at each of its starts. */
import { TsboxError } from "../../error.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { readShortText } from "../../linux/read-text.ts";
import { statIfPresent, statPath } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders } from "../../linux/write-text.ts";
import type { VolumeMount } from "../../runtime/index.ts";
import type { LayeredImage } from "../root.ts";
import type { MountRequest } from "../spec/mount-request.ts";
import type { StorageDriver } from "../spec/options.ts";
import { isEmptyFolder } from "./names.ts";
import { volumeKind } from "./options.ts";
import { requireVolume, type Volume, volumeData, volumeFolder } from "./volume.ts";

export interface PrepareOptions {
  /** The store's folder, and the container's. */
  readonly store: string;
  readonly folder: string;
  /** As they were resolved when the container was made. */
  readonly mounts: readonly MountRequest[];
  /** Of its root file system; undefined for a plain folder. */
  readonly driver: StorageDriver | undefined;
  readonly mapping: IdMapping;
}

export interface PreparedVolumes {
  /** Binds and tmpfs alone, for config.json. */
  readonly mounts: readonly MountRequest[];
  /** What the runtime does for some of them beside what config.json says. */
  readonly volumes: readonly VolumeMount[];
}

/** @throws TsboxError `not-found` for a volume that was removed, or whose folder of the host was */
export async function prepareVolumes(options: PrepareOptions): Promise<PreparedVolumes> {
  const mounts: MountRequest[] = [];
  const volumes: VolumeMount[] = [];
  for (const [index, request] of options.mounts.entries()) {
    const { mount, volume } =
      request.type === "volume"
        ? prepareVolume(options, request)
        : request.type === "image"
          ? await prepareImageMount(options, request, index)
          : { mount: request, volume: request.chown ? ofBind(request) : undefined };
    mounts.push(mount);
    if (volume !== undefined) volumes.push(volume);
  }
  return { mounts, volumes };
}

type Prepared = { readonly mount: MountRequest; readonly volume: VolumeMount | undefined };

function ofBind({ destination, source = "" }: MountRequest): VolumeMount {
  return { destination, source, chown: true };
}

function prepareVolume({ store }: PrepareOptions, request: MountRequest): Prepared {
  const { destination, subpath, chown = false } = request;
  const volume = requireVolume(store, request.source ?? "");
  const kind = volumeKind(volume.options);
  if (kind.type === "tmpfs") {
    if (chown)
      throw new TsboxError("unsupported", `cannot use ${request.flag}: the volume is a tmpfs; give it uid= and gid=`);
    if (subpath !== undefined)
      throw new TsboxError("usage", `cannot use ${request.flag}: the volume is a tmpfs, which has nothing in it`);
    const options = [...kind.options, ...(request.noCopy ? [] : ["tmpcopyup"])];
    if (request.options.includes("ro")) options.push("ro");
    return { mount: { type: "tmpfs", destination, options, flag: request.flag }, volume: undefined };
  }
  const source = volumeData(store, volume);
  const found = statIfPresent(source);
  if (found?.isFolder !== true)
    throw new TsboxError("not-found", `cannot use volume ${volume.name}: there is no folder ${source}`);
  const copyUp = subpath === undefined ? copyUpOf(store, volume, request.noCopy === true) : undefined;
  const path = subpath === undefined ? source : `${source}/${subpath}`;
  const options = kind.type === "bind" ? [...kind.options, ...request.options] : request.options;
  return {
    mount: { type: "bind", source: path, destination, options, flag: request.flag },
    volume: {
      destination,
      source,
      chown,
      ...(subpath === undefined ? {} : { subpath }),
      ...(copyUp === undefined ? {} : { copyUp }),
    },
  };
}

/**
 * Only a new, empty volume is filled, once. One that somebody has written to on the host is not new any more. A copy that was cut off begins
 * anew, in an empty folder; where that would be a folder of the host, whatever is there stays, and nothing is copied.
 */
function copyUpOf(store: string, volume: Volume, noCopy: boolean): VolumeMount["copyUp"] {
  const marker = `${volumeFolder(store, volume.name)}/fresh`;
  const text = readShortText(marker);
  if (text === undefined) return undefined;
  const data = volumeData(store, volume);
  const own = volumeKind(volume.options).type === "folder";
  const begun = text !== "";
  if ((begun && own && !noCopy) || (!begun && isEmptyFolder(data)))
    return noCopy ? undefined : { marker, again: begun };
  syscall(SYS.unlinkat, AT_FDCWD, cstring(marker), 0);
  return undefined;
}

/** Layers under a folder of the container's, or a copy of them where overlay cannot be had. */
async function prepareImageMount(options: PrepareOptions, request: MountRequest, index: number): Promise<Prepared> {
  const { destination, subpath, image, flag } = request;
  if (image === undefined) throw new TsboxError("internal", `cannot use ${flag}: its layers are not known`);
  const folder = `${options.folder}/images/${index}`;
  const writable = !request.options.includes("ro");
  const source = await imageSource(options, image, folder, writable);
  const at = source.overlay?.at ?? source.path;
  return {
    mount: {
      type: "bind",
      source: subpath === undefined ? at : `${at}/${subpath}`,
      destination,
      options: request.options,
      flag,
    },
    volume: {
      destination,
      source: at,
      ...(subpath === undefined ? {} : { subpath }),
      ...(source.overlay === undefined ? {} : { overlay: source.overlay }),
    },
  };
}

type ImageSource = { readonly path: string; readonly overlay?: VolumeMount["overlay"] };

async function imageSource(
  { driver, mapping }: PrepareOptions,
  image: LayeredImage,
  folder: string,
  writable: boolean,
): Promise<ImageSource> {
  const [only, ...others] = image.layers;
  // one layer alone shows what it holds
  if (!writable && only !== undefined && others.length === 0) return { path: `${image.layersFolder}/${only}` };
  makeFolders(folder, 0o700);
  if (driver === "overlay") {
    const names = writable ? ["upper", "work", "merged"] : ["merged"];
    const mode = only === undefined ? 0o755 : statPath(`${image.layersFolder}/${image.layers.at(-1)}`).mode & 0o7777;
    for (const name of names) makeFolder(`${folder}/${name}`, name === "upper" ? mode : 0o700);
    const { layersFolder, layers } = image;
    return { path: "", overlay: { layersFolder, layers, folder, writable, at: `${folder}/merged` } };
  }
  const destination = `${folder}/rootfs`;
  if (makeFolder(destination, 0o755)) {
    const { copyTrees } = await import("../../rootfs/tree/index.ts");
    const layers = image.layers.map((name) => `${image.layersFolder}/${name}`);
    await copyTrees({ layers, destination, mapping: unpackMapping(mapping) });
  }
  return { path: destination };
}
