/** `system df`: what is on disk, and how much of it nothing needs. */
import { type ImageFiles, imageFiles } from "../image/index.ts";
import { listFolder } from "../linux/directory.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { openStore, readContainers } from "../store/index.ts";
import { type ListedContainer, listContainers } from "./list.ts";
import { sizesOfContainers } from "./size.ts";
import { sizesOf } from "./tree-sizes.ts";
import { listVolumes, type Volume, volumeData, volumeUsers } from "./volumes/index.ts";

export interface ImageUse extends ImageFiles {
  /** Bytes of blobs and unpacked layers; those that others have too are in `shared`. */
  readonly size: number;
  readonly shared: number;
  /** How many containers were made from it. */
  readonly containers: number;
}

export interface ContainerUse extends ListedContainer {
  readonly size: number;
}

export interface VolumeUse {
  readonly volume: Volume;
  readonly size: number;
  /** How many containers have it. */
  readonly links: number;
}

export interface DiskUsage {
  /** One for each image, by the first of its names. */
  readonly images: readonly ImageUse[];
  /** Bytes of all images, each file counted once, and of what no container's image needs. */
  readonly imageBytes: number;
  readonly reclaimableImageBytes: number;
  readonly containers: readonly ContainerUse[];
  readonly volumes: readonly VolumeUse[];
}

/** @throws TsboxError when the store is damaged */
export async function diskUsage(): Promise<DiskUsage> {
  const store = openStore();
  const images = await imagesOf(store);
  const containers = listContainers(store.root);
  const records = containers.map(({ record }) => record);
  const sizes = await sizesOfContainers(store.root, records);
  const volumes = listVolumes(store.root);
  const users = volumeUsers(store.root);
  // one that stands for a folder of the host is not the store's
  const own = volumes.map((volume) => {
    const path = volumeData(store.root, volume);
    return path.startsWith(`${store.root}/`) ? path : undefined;
  });
  const measured = await sizesOf(own.flatMap((path) => path ?? []));
  let at = 0;
  const volumeSizes = own.map((path) => (path === undefined ? 0 : (measured[at++] ?? 0)));
  return {
    ...images,
    containers: containers.map((container) => ({ ...container, size: sizes.get(container.record.id) ?? 0 })),
    volumes: volumes.map((volume, i) => ({
      volume,
      size: volumeSizes[i] ?? 0,
      links: users.get(volume.name)?.length ?? 0,
    })),
  };
}

async function imagesOf(
  store: ReturnType<typeof openStore>,
): Promise<Pick<DiskUsage, "images" | "imageBytes" | "reclaimableImageBytes">> {
  const users = readContainers(store.root);
  const all = await imageFiles(store);
  const images = all.filter((image, i) => all.findIndex(({ id }) => id === image.id) === i);
  // a layer is there once for each mapping that it was unpacked for
  const trees = namesIn(`${store.root}/layers`).flatMap((mapping) =>
    namesIn(`${store.root}/layers/${mapping}`).map((name) => ({
      name,
      path: `${store.root}/layers/${mapping}/${name}`,
    })),
  );
  const treeSizes = await sizesOf(trees.map(({ path }) => path));
  const files = new Map<string, number>();
  for (const [i, { name }] of trees.entries()) files.set(name, (files.get(name) ?? 0) + (treeSizes[i] ?? 0));
  for (const { blobs } of images) for (const [digest, size] of blobs) files.set(digest, size);
  const filesOf = ({ blobs, layers }: ImageFiles) => [...new Set([...blobs.keys(), ...layers])];
  const total = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + (files.get(name) ?? 0), 0);
  const owners = new Map<string, number>();
  for (const image of images) for (const name of filesOf(image)) owners.set(name, (owners.get(name) ?? 0) + 1);
  const used = images.map((image): ImageUse => {
    const names = filesOf(image);
    return {
      ...image,
      size: total(names),
      shared: total(names.filter((name) => (owners.get(name) ?? 0) > 1)),
      containers: users.filter(({ manifest }) => manifest === image.manifestDigest).length,
    };
  });
  const everything = new Set(used.flatMap(filesOf));
  const needed = new Set(used.filter(({ containers }) => containers > 0).flatMap(filesOf));
  return {
    images: used,
    imageBytes: total(everything),
    reclaimableImageBytes: total([...everything].filter((name) => !needed.has(name))),
  };
}

/** Of folders; none when there is no such folder. */
function namesIn(path: string): string[] {
  try {
    return listFolder(path).flatMap(({ name, type }) => (type === 4 && !name.startsWith(".") ? [name] : []));
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return [];
    throw error;
  }
}
