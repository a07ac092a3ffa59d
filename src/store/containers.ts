/** What containers need of the store: `needs` in `containers/<id>/container.json`. */

import { TsboxError } from "../error.ts";
import { E } from "../linux/errno.ts";
import { readText } from "../linux/read-text.ts";
import { type Digest, isDigest } from "../oci/index.ts";
import { errnoOf } from "./failure.ts";
import { fs } from "./node-fs.ts";

/** Written before the store's hold is let go. */
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
 * Containers that were made from images; those of plain folders need nothing.
 *
 * @throws TsboxError `invalid` for one that cannot be read, because nothing may be removed then
 */
export function readContainers(root: string): ContainerUse[] {
  return list(`${root}/containers`).flatMap((id) => {
    if (!ID.test(id)) return [];
    const path = `${root}/containers/${id}/container.json`;
    let text: string;
    try {
      text = readText(path);
    } catch (error) {
      if (errnoOf(error) === E.ENOENT) return [];
      throw error;
    }
    const needs = parseNeeds(text, path);
    return needs === undefined ? [] : [{ ...needs, id }];
  });
}

function parseNeeds(text: string, path: string): ContainerNeeds | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const needs = "needs" in value ? value.needs : undefined;
    if (needs === undefined || isNeeds(needs)) return needs;
  }
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
