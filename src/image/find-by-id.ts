/** Images by their id, as people copy it from a listing. */
import { TsboxError } from "../error.ts";
import { digestHex, imageNameText, parseImageName } from "../oci/index.ts";
import { NAMELESS, type Store } from "../store/index.ts";
import { type ListedImage, listImages } from "./list.ts";

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{3,64})$/;

/** What an operand may be beside a name: an image id or digest, or the beginning of one. */
export function idPrefix(operand: string): string | undefined {
  return ID_PREFIX.exec(operand)?.[1];
}

function nameOf(operand: string): string | undefined {
  try {
    return imageNameText(parseImageName(operand));
  } catch {
    return undefined; // 64 digits are an id, and no name
  }
}

/**
 * By name; otherwise by image id or digest, or the beginning of an id that only one image has.
 * @param verb for messages: `remove`
 * @throws TsboxError `usage` when several images' ids begin so
 */
export function findListed(images: readonly ListedImage[], operand: string, verb: string): ListedImage[] {
  const name = nameOf(operand);
  const named = images.filter((image) => image.name === name);
  if (named.length > 0) return named.slice(0, 1);
  const prefix = idPrefix(operand);
  const found =
    prefix === undefined
      ? []
      : images.filter(({ id, digest }) => digestHex(id).startsWith(prefix) || digestHex(digest).startsWith(prefix));
  if (new Set(found.map(({ id }) => id)).size > 1)
    throw new TsboxError("usage", `cannot ${verb} ${operand}: several images' ids begin so`);
  return found;
}

/** A name by which the image that has this id is found in the store; undefined when none has. @throws TsboxError `usage` */
export function nameById(store: Store, operand: string): string | undefined {
  const [found] = findListed(listImages(store), operand, "use");
  return found === undefined ? undefined : (found.name ?? `${NAMELESS}@${found.digest}`);
}
