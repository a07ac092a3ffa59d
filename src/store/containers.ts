/** What containers need of the store: `containers/<id>/image.json`. */

import { TsboxError } from "../error.ts";
import { E } from "../linux/errno.ts";
import { readText } from "../linux/read-text.ts";
import { type Digest, isDigest } from "../oci/index.ts";
import { errnoOf } from "./failure.ts";
import { fs } from "./node-fs.ts";

/** `image.json`; written before the store's hold is let go. */
export interface ContainerNeeds {
  /** Of the image, as it is filed. */
  readonly name: string;
  readonly manifest: Digest;
  /** Folder name of the id mapping. */
  readonly mapping: string;
  /** Chain ids, lowest first. */
  readonly layers: readonly Digest[];
}

export interface ContainerUse extends ContainerNeeds {
  readonly id: string;
}

const ID = /^[0-9a-f]{64}$/;

/**
 * Containers that were made from images; those of plain folders have no `image.json`.
 *
 * @throws TsboxError `invalid` for one that cannot be read, because nothing may be removed then
 */
export function readContainers(root: string): ContainerUse[] {
  return list(`${root}/containers`).flatMap((id) => {
    if (!ID.test(id)) return [];
    const path = `${root}/containers/${id}/image.json`;
    let text: string;
    try {
      text = readText(path);
    } catch (error) {
      if (errnoOf(error) === E.ENOENT) return [];
      throw error;
    }
    return [{ ...parseNeeds(text, path), id }];
  });
}

function parseNeeds(text: string, path: string): ContainerNeeds {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isNeeds(value)) return value;
  throw new TsboxError(
    "invalid",
    `cannot read ${path}: it does not say which image the container has; remove the container`,
  );
}

function isNeeds(value: unknown): value is ContainerNeeds {
  if (typeof value !== "object" || value === null) return false;
  const { name, manifest, mapping, layers } = value as Partial<Record<keyof ContainerNeeds, unknown>>; // cast: all unknown
  return (
    typeof name === "string" &&
    isDigest(manifest) &&
    typeof mapping === "string" &&
    Array.isArray(layers) &&
    layers.every(isDigest)
  );
}

/** Names in a folder; none when there is no such folder. */
export function list(folder: string): string[] {
  try {
    return fs().readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === E.ENOENT) return [];
    throw error;
  }
}
