/** Removing images as `docker rmi` does: a name first, the image with its last name. */
import { TsboxError } from "../error.ts";
import { entryName, readContainers, type Store } from "../store/index.ts";
import { removeGarbage } from "./clean-up.ts";
import { findListed } from "./find-by-id.ts";
import { listImages } from "./list.ts";

/**
 * Removes an image and then all that nothing needs any more.
 *
 * @param options.force also when a container needs the image; it keeps its layers until it is removed itself
 * @returns lines as Docker prints them: `Untagged: NAME`, `Deleted: ID`
 * @throws TsboxError `not-found`, or `busy` when a container needs it
 */
export async function removeImage(
  store: Store,
  operand: string,
  options: { readonly force?: boolean } = {},
): Promise<string[]> {
  const images = listImages(store);
  const found = findListed(images, operand, "remove");
  if (found.length === 0) throw new TsboxError("not-found", `cannot remove ${operand}: there is no such image here`);
  const names = new Set(found.map(({ name }) => name));
  const digests = new Set(found.map(({ digest }) => digest));
  const others = images.some(({ name, digest }) => digests.has(digest) && !names.has(name));
  const manifests = new Set(found.map(({ manifestDigest }) => manifestDigest));
  const user = others ? undefined : readContainers(store.root).find(({ manifest }) => manifests.has(manifest));
  if (user !== undefined && !options.force) {
    throw new TsboxError(
      "busy",
      `cannot remove ${operand}: the container ${user.id.slice(0, 12)} needs it; remove that one with: tsbox rm ${user.id.slice(0, 12)}`,
    );
  }
  store.index.update((entries) =>
    entries.filter((entry) => !(digests.has(entry.digest) && names.has(entryName(entry)))),
  );
  await removeGarbage(store);
  const untagged = [...names].flatMap((name) => (name === undefined ? [] : [`Untagged: ${name}`]));
  const deleted =
    others || user !== undefined ? [] : [...new Set(found.map(({ id }) => id))].map((id) => `Deleted: ${id}`);
  return [...untagged, ...deleted];
}
