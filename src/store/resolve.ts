/**
 * From a name to an image that is in the store. On the path of every `tsbox run`: the index and two or three documents are
 * read and looked at by hand. Schemas are for documents when they arrive, and for saying what is wrong; loading them alone costs
 * more than all of this.
 */

import { isTsboxError, type TsboxError } from "../error.ts";
import { E } from "../linux/errno.ts";
import { readText } from "../linux/read-text.ts";
import {
  chainIDs,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  type ImageName,
  imageNameText,
  isDigest,
  type Manifest,
  type Platform,
  parseReference,
  type Reference,
  selectPlatform,
} from "../oci/index.ts";
import { errnoOf } from "./failure.ts";
import { entryName, NAMELESS } from "./index-file.ts";
import type { Store } from "./store.ts";

export interface LocalImage {
  /** As it is filed: `docker.io/library/alpine:3.20`. */
  readonly name: string;
  /** What the name stands for: an index or a manifest. */
  readonly top: Descriptor;
  readonly manifestDigest: Digest;
  readonly manifest: Manifest;
  readonly configDigest: Digest;
  readonly config: ImageConfig;
  /** Lowest first; the layers' names in the store. */
  readonly chainIDs: readonly Digest[];
}

/** An index may point to an index, as when pulling. */
const MAX_DEPTH = 4;

/**
 * @returns undefined when the image is not here, or not for that platform
 * @throws TsboxError `invalid` or `integrity` when what is here is damaged, with the remedy
 */
export function resolveLocal(store: Store, name: ImageName, platform: Platform): LocalImage | undefined {
  const text = store.index.readText();
  if (text === undefined) return undefined;
  const entry = findEntry(readEntries(store, text), name);
  if (entry === undefined) return undefined;
  return readImage(store, entry, platform, imageNameText(name));
}

/** The entries of index.json; parsed by the book when they do not look right. */
function readEntries(store: Store, text: string): readonly Descriptor[] {
  const value = parse(text);
  const entries = value?.manifests;
  if (Array.isArray(entries) && entries.every(isDescriptor)) return entries;
  return store.index.read().manifests;
}

/** By name; a reference with a digest also finds what was pulled under a tag of the same repository. */
function findEntry(entries: readonly Descriptor[], name: ImageName): Descriptor | undefined {
  const text = imageNameText(name);
  const named = entries.find((entry) => entryName(entry) === text);
  if (named !== undefined || name.transport !== "docker" || name.reference.digest === undefined) return named;
  const { registry, repository, digest } = name.reference;
  return entries.find((entry) => {
    if (entry.digest === digest && entryName(entry) === undefined) return `${registry}/${repository}` === NAMELESS;
    const reference = entry.digest === digest ? referenceOf(entry) : undefined;
    return reference?.registry === registry && reference.repository === repository;
  });
}

function referenceOf(entry: Descriptor): Reference | undefined {
  try {
    return parseReference(entryName(entry) ?? "");
  } catch {
    return undefined; // a path's name, or another program's
  }
}

/**
 * The image that a top document stands for, on one platform.
 *
 * @param name for the result; nothing is looked up by it
 * @returns undefined when the index has none for the platform, or its documents are not here
 */
export function readImage(store: Store, top: Descriptor, platform: Platform, name: string): LocalImage | undefined {
  let current = top;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const value = readJSON(store, current, "document");
    if (value === undefined) return undefined;
    if (!("manifests" in value)) return finish(store, top, current, value, name);
    const manifests = value.manifests as ImageIndex["manifests"]; // cast: readJSON looked
    const next = choose(manifests, platform, name);
    if (next === undefined) return undefined;
    current = next;
  }
  return undefined;
}

function choose(manifests: readonly Descriptor[], platform: Platform, name: string): Descriptor | undefined {
  try {
    return selectPlatform(manifests, platform, name);
  } catch (error) {
    if (isTsboxError(error) && (error satisfies TsboxError).code === "not-found") return undefined;
    throw error;
  }
}

function finish(
  store: Store,
  top: Descriptor,
  { digest }: Descriptor,
  document: Record<string, unknown>,
  name: string,
): LocalImage | undefined {
  const manifest = document as unknown as Manifest; // cast: readJSON looked
  const value = readJSON(store, manifest.config, "config");
  if (value === undefined) return undefined;
  const config = value as unknown as ImageConfig; // cast: readJSON looked
  return {
    name,
    top,
    manifestDigest: digest,
    manifest,
    configDigest: manifest.config.digest,
    config,
    chainIDs: chainIDs(config.rootfs.diff_ids),
  };
}

/**
 * A document from a blob that was verified when it was stored. What cannot be used as it is goes to the parser of `oci/`,
 * which says why.
 */
function readJSON(
  store: Store,
  descriptor: Descriptor,
  kind: "document" | "config",
): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readText(store.blobs.path(descriptor.digest));
  } catch (error) {
    if (errnoOf(error) === E.ENOENT) return undefined; // an index whose other platforms were not fetched
    throw error;
  }
  const value = parse(text);
  if (value !== undefined && (kind === "config" ? isConfig(value) : isDocument(value))) return value;
  return store.readCarefully(descriptor, kind);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value) || !isDigest(value.digest)) return false;
  const { platform, annotations } = value;
  if (annotations !== undefined && !(isObject(annotations) && Object.values(annotations).every(isText))) return false;
  return (
    typeof value.mediaType === "string" &&
    Number.isSafeInteger(value.size) &&
    (platform === undefined || (isObject(platform) && isText(platform.os) && isText(platform.architecture)))
  );
}

/** What tsbox reads of a manifest or index; not both (CVE-2021-41190). */
function isDocument(value: Record<string, unknown>): boolean {
  if ("manifests" in value) {
    const { manifests } = value;
    return !("layers" in value) && Array.isArray(manifests) && manifests.every(isDescriptor);
  }
  return isDescriptor(value.config) && Array.isArray(value.layers) && value.layers.every(isDescriptor);
}

/** What tsbox reads of a configuration. The diffIDs become names of folders, the rest a container's process. */
function isConfig(value: Record<string, unknown>): boolean {
  const { rootfs, config, os, architecture } = value;
  if (!isObject(rootfs) || !Array.isArray(rootfs.diff_ids) || !rootfs.diff_ids.every(isDigest)) return false;
  if (!isText(os) || !isText(architecture)) return false;
  if (config === undefined || config === null) return true;
  return (
    isObject(config) &&
    [config.Env, config.Entrypoint, config.Cmd].every(
      (list) => isNone(list) || (Array.isArray(list) && list.every(isText)),
    ) &&
    [config.User, config.WorkingDir, config.StopSignal].every((text) => text === undefined || isText(text)) &&
    [config.Volumes, config.ExposedPorts].every((set) => isNone(set) || isObject(set)) &&
    (isNone(config.Labels) || (isObject(config.Labels) && Object.values(config.Labels).every(isText)))
  );
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
