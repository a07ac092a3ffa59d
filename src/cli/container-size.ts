/** The SIZE of `ps -s`, and `inspect -s`. */
import type { ListedContainer } from "../container/list.ts";
import { sizesOfContainers } from "../container/size.ts";
import { type ListedImage, listImages } from "../image/index.ts";
import { openStore } from "../store/index.ts";
import { decimalSize } from "./stats-row.ts";

type Sized = Pick<ListedContainer, "record">;

/** Bytes. */
export interface ContainerSize {
  /** What it has written. */
  readonly own: number;
  /** With its image's, as `images` shows that; undefined when the image is gone, or was a plain folder. */
  readonly all: number | undefined;
}

/** By id; those that were removed meanwhile are not in it. @throws TsboxError `host` */
export async function containerSizes(
  store: string,
  containers: readonly Sized[],
): Promise<ReadonlyMap<string, ContainerSize>> {
  const records = containers.map(({ record }) => record);
  const own = await sizesOfContainers(store, records);
  const images = new Map<string, number>(imagesHere().map(({ manifestDigest, size }) => [manifestDigest, size]));
  return new Map(
    records.flatMap(({ id, needs }): [string, ContainerSize][] => {
      const written = own.get(id);
      const image = images.get(needs?.manifest ?? "");
      return written === undefined
        ? []
        : [[id, { own: written, all: image === undefined ? undefined : written + image }]];
    }),
  );
}

function imagesHere(): ListedImage[] {
  try {
    return listImages(openStore());
  } catch {
    // a damaged image is no reason to show no container
    return [];
  }
}

/** `2B (virtual 7.83MB)`, in Docker's words. @throws TsboxError `host` */
export async function sizeTexts(
  store: string,
  containers: readonly ListedContainer[],
): Promise<ReadonlyMap<string, string>> {
  return new Map(
    [...(await containerSizes(store, containers))].map(([id, { own, all }]) => [
      id,
      `${decimalSize(own)}${all === undefined ? "" : ` (virtual ${decimalSize(all)})`}`,
    ]),
  );
}
