/** The image that `run` needs, pulled or not, by the policy of `--pull`. */
import { TsboxError } from "../error.ts";
import { exists, readText } from "../linux/read-text.ts";
import {
  familiarName,
  hostPlatform,
  type ImageName,
  imageNameText,
  platformText,
  REF_NAME,
  samePlatform,
} from "../oci/index.ts";
import { type LocalImage, resolveLocal } from "../store/index.ts";
import type { PullOptions } from "./pull.ts";

export type PullPolicy = "missing" | "always" | "never" | "newer";

/** As people wrote it, for messages. */
export function shownName(name: ImageName): string {
  return name.transport === "docker" ? familiarName(name.reference) : imageNameText(name);
}

/** A layout on disk may have changed since; one look at its index tells. An archive is read again. */
function isCurrent(name: ImageName, local: LocalImage): boolean {
  if (name.transport === "docker") return true;
  if (name.transport !== "oci" || !exists(`${name.path}/index.json`)) return false;
  // only compared, never used: what differs or cannot be read is pulled, and checked there
  let index: { manifests?: { digest?: unknown; annotations?: Record<string, unknown> }[] };
  try {
    index = JSON.parse(readText(`${name.path}/index.json`));
  } catch {
    return false;
  }
  const manifests = index.manifests ?? [];
  const { tag } = name;
  const found =
    tag === undefined && manifests.length === 1
      ? manifests[0]
      : manifests.find(({ annotations }) => annotations?.[REF_NAME] === tag);
  return found?.digest === local.top.digest;
}

/** A manifest that is no index's is for one platform, which is looked at when one was asked for. */
function localImage({ store, name, platform }: PullOptions): LocalImage | undefined {
  const local = resolveLocal(store, name, platform ?? hostPlatform());
  return platform === undefined || local === undefined || samePlatform(local.config, platform) ? local : undefined;
}

/** The image if it is here and, for a layout, still what the layout has. Reads a few small files. */
export function findImage(options: PullOptions): LocalImage | undefined {
  const local = localImage(options);
  return local !== undefined && isCurrent(options.name, local) ? local : undefined;
}

/**
 * @returns the image with all its layers unpacked for the mapping
 * @throws TsboxError `not-found` with `never` when it is not here
 */
export async function ensureImage(options: PullOptions, policy: PullPolicy): Promise<LocalImage> {
  const { store, name, platform } = options;
  const current = policy === "missing" ? findImage(options) : undefined;
  const local = current ?? localImage(options);
  if (policy === "never" || current !== undefined) {
    if (local === undefined)
      throw new TsboxError(
        "not-found",
        `cannot use ${shownName(name)}: it is not here${platform === undefined ? "" : ` for ${platformText(platform)}`}, and --pull=never forbids fetching it`,
      );
    if (store.layers.missing(options.mapping, local.chainIDs).length > 0) {
      const { ensureLayers } = await import("./layers.ts");
      const { mapping, source, onEvent } = options;
      await ensureLayers(local, {
        store,
        mapping,
        ...(source.signal === undefined ? {} : { signal: source.signal }),
        ...(onEvent === undefined ? {} : { onEvent }),
      });
    }
    return local;
  }
  const { pullImage } = await import("./pull.ts");
  try {
    return await pullImage(options);
  } catch (error) {
    // "newer" wants the newest that can be had
    const unreachable = error instanceof TsboxError && error.code === "network";
    if (policy !== "newer" || local === undefined || !unreachable) throw error;
    options.onEvent?.({ type: "note", message: `using the image that is here: ${error.message}` });
    return local;
  }
}
