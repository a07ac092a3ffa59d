/** The image of a container: found or pulled, with its layers unpacked for the container's mapping. */
import type { IdMapping } from "../idmap/index.ts";
import {
  ensureImage,
  findImage,
  type OnPullEvent,
  type PullOptions,
  type PullPolicy,
  shownName,
} from "../image/index.ts";
import { compileHotCode } from "../linux/engine.ts";
import { type ContainerDefaults, digestHex, parseImageName } from "../oci/index.ts";
import { type ContainerNeeds, type LocalImage, openStore } from "../store/index.ts";
import { imageEvent } from "./events.ts";
import type { LayeredImage } from "./root.ts";
import type { RunOptions } from "./spec/options.ts";

export interface PreparedImage {
  readonly defaults: ContainerDefaults;
  readonly root: LayeredImage;
  /** Digest of the image's configuration: its id, as Docker counts. */
  readonly imageID: string;
  /** What garbage collection must keep while the container exists: in `container.json`. */
  readonly needs: ContainerNeeds;
  /** Keeps garbage collection away until `container.json` is written; the caller disposes of it. */
  readonly hold: Disposable;
}

/** @throws TsboxError */
export async function prepareImage(
  options: RunOptions,
  mapping: IdMapping,
  onEvent: OnPullEvent | undefined,
): Promise<PreparedImage> {
  const store = openStore();
  const name = parseImageName(await nameOfImage(store, options.image ?? ""));
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
  const { image, hold } = await holdImage(pull, options.pull);
  return {
    defaults: image.config.config ?? {},
    root: { layersFolder: store.layers.folder(mapping), layers: image.chainIDs.map(digestHex) },
    imageID: image.configDigest,
    needs: { name: image.name, manifest: image.manifestDigest, mapping: mapping.name, layers: image.chainIDs },
    hold,
  };
}

/** An image may be meant by its id, if one that is here has it; whatever else could be an id is a name. */
async function nameOfImage(store: ReturnType<typeof openStore>, operand: string): Promise<string> {
  if (!/^(sha256:)?[0-9a-f]{3,64}$/.test(operand)) return operand;
  const { nameById } = await import("../image/index.ts");
  return (await nameById(store, operand)) ?? operand;
}

/** Nothing is held while the image is fetched; so it may be gone again just after, and is then fetched once more. */
async function holdImage(pull: PullOptions, policy: PullPolicy): Promise<{ image: LocalImage; hold: Disposable }> {
  const { store, mapping } = pull;
  if (policy === "missing" || policy === "never") {
    const hold = store.hold();
    const local = findImage(pull);
    if (local !== undefined && store.layers.missing(mapping, local.chainIDs).length === 0)
      return { image: local, hold };
    hold[Symbol.dispose]();
  }
  compileHotCode();
  const fetches = policy === "always" || policy === "newer" || (policy === "missing" && findImage(pull) === undefined);
  for (;;) {
    const image = await ensureImage(pull, policy);
    if (fetches) imageEvent(store.root, "pull", shownName(pull.name));
    const hold = store.hold();
    if (store.layers.missing(mapping, image.chainIDs).length === 0) return { image, hold };
    hold[Symbol.dispose]();
  }
}
