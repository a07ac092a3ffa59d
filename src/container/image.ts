/** The image of a container: found or pulled, with its layers unpacked for the container's mapping. */
import type { IdMapping } from "../idmap/index.ts";
import { ensureImage, type OnPullEvent } from "../image/index.ts";
import { type ContainerDefaults, digestHex, parseImageName } from "../oci/index.ts";
import { type ContainerNeeds, openStore } from "../store/index.ts";
import type { LayeredImage } from "./root.ts";
import type { RunOptions } from "./spec/options.ts";

export interface PreparedImage {
  readonly defaults: ContainerDefaults;
  readonly root: LayeredImage;
  /** What garbage collection must keep while the container exists: `image.json`. */
  readonly needs: ContainerNeeds;
}

/** @throws TsboxError */
export async function prepareImage(
  options: RunOptions,
  mapping: IdMapping,
  onEvent: OnPullEvent | undefined,
): Promise<PreparedImage> {
  const store = openStore();
  const name = parseImageName(options.image ?? "");
  const source = {
    ...(options.tlsVerify === undefined ? {} : { tlsVerify: options.tlsVerify }),
    ...(options.authFile === undefined ? {} : { authFile: options.authFile }),
    ...(options.certDir === undefined ? {} : { certDir: options.certDir }),
  };
  const pull = {
    name,
    store,
    mapping,
    platform: options.platform,
    source,
    ...(onEvent === undefined ? {} : { onEvent }),
  };
  const image = await ensureImage(pull, options.pull);
  return {
    defaults: image.config.config ?? {},
    root: { layersFolder: store.layers.folder(mapping), layers: image.chainIDs.map(digestHex) },
    needs: { name: image.name, manifest: image.manifestDigest, mapping: mapping.name, layers: image.chainIDs },
  };
}
