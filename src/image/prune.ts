/** Removing the images that nobody uses: `image prune`. */
import { chooseMapping, unpackMapping } from "../idmap/index.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import { collectGarbage, entryName, readContainers, type Store } from "../store/index.ts";
import { type ListedImage, listImages } from "./list.ts";

export interface PruneImages {
  /** Those with names, too. */
  readonly all: boolean;
  readonly wanted: (image: ListedImage) => boolean;
  /** Names of images that containers have mounted. */
  readonly mounted: ReadonlySet<string>;
  /** Bytes of a tree that is about to be removed. */
  readonly measure: (path: string) => Promise<number>;
}

export interface PrunedImages {
  readonly images: readonly ListedImage[];
  /** Ids of which nothing is left. */
  readonly deleted: readonly string[];
  /** Of blobs and unpacked layers, what interrupted pulls have left included. */
  readonly bytes: number;
}

/**
 * No container's image is removed: while it is decided what goes, nobody can begin to use an image, and who has begun has said so
 * (`store/hold.ts`).
 *
 * @throws TsboxError when the store is damaged; nothing was removed then
 */
export async function pruneImages(store: Store, options: PruneImages): Promise<PrunedImages> {
  const { images, deleted } = decide(store, options);
  const mapping = unpackMapping(chooseMapping().mapping);
  let trees = 0;
  const { bytes } = await collectGarbage(store, {
    removeTree: async (path) => {
      trees += await options.measure(path);
      await removeTree(path, mapping);
    },
  });
  return { images, deleted, bytes: bytes + trees };
}

function decide(store: Store, options: PruneImages): Pick<PrunedImages, "images" | "deleted"> {
  using _alone = store.holdAlone();
  const used = new Set<string>(readContainers(store.root).map(({ manifest }) => manifest));
  const all = listImages(store);
  const goes = (image: ListedImage) =>
    (options.all || image.name === undefined) &&
    !used.has(image.manifestDigest) &&
    !(image.name !== undefined && options.mounted.has(image.name)) &&
    options.wanted(image);
  // a name may stand for several platforms, which go together
  const keyOf = ({ name, digest }: { name: string | undefined; digest: string }) => `${digest} ${name ?? ""}`;
  const stays = new Set(all.filter((image) => !goes(image)).map(keyOf));
  const images = all.filter((image) => !stays.has(keyOf(image)));
  if (images.length === 0) return { images, deleted: [] };
  const keys = new Set(images.map(keyOf));
  store.index.update((entries) =>
    entries.filter((entry) => !keys.has(keyOf({ name: entryName(entry), digest: entry.digest }))),
  );
  const left = new Set(all.filter((image) => !images.includes(image)).map(({ id }) => id));
  return { images, deleted: [...new Set(images.map(({ id }) => id))].filter((id) => !left.has(id)) };
}
