/** Which volumes a new container has: those that its flags name, those of other containers, and those that its image asks for. */
import { TsboxError } from "../../error.ts";
import { randomHex } from "../../linux/random.ts";
import type { ContainerNeeds } from "../../store/index.ts";
import type { RecordedMount } from "../folder.ts";
import type { PreparedImage } from "../image.ts";
import { findContainer } from "../list.ts";
import { readOptions } from "../options-file.ts";
import type { MountRequest, VolumesFrom } from "../spec/mount-request.ts";
import { recordMounts } from "./record.ts";
import { createVolume, isOwned, removeEmptyVolume, shareVolume, shareVolumes } from "./volume.ts";

export interface ResolveOptions {
  /** The store's folder. */
  readonly store: string;
  readonly mounts: readonly MountRequest[];
  readonly volumesFrom: readonly VolumesFrom[];
  /** Destinations of the image's VOLUMEs. */
  readonly imageVolumes: readonly string[];
  /** The image of a `--mount type=image`, which is here. */
  readonly image: (name: string) => Promise<PreparedImage>;
}

export interface ResolvedVolumes {
  /** All mounts, to be kept in `options.json`: volumes have names, images have layers. */
  readonly mounts: readonly MountRequest[];
  /** For `container.json`. */
  readonly recorded: readonly RecordedMount[];
  /** What garbage collection must keep for the images among them. */
  readonly layers: ContainerNeeds | undefined;
  /** To be called when `container.json` is there: until then no volume can be removed. Idempotent. */
  release(): void;
  /** Instead, when there will be no container: removes the volumes that were made for it, which are still empty. */
  undo(): void;
}

/**
 * Makes the volumes that are not there yet. An explicit mount wins over one of another container, and that over the image's.
 * @throws TsboxError `not-found` for another container that there is not; nothing of the container's own is left behind then
 */
export async function resolveVolumes(options: ResolveOptions): Promise<ResolvedVolumes> {
  const { store } = options;
  const images: PreparedImage[] = [];
  const given: MountRequest[] = [];
  for (const mount of options.mounts) given.push(await withLayers(mount, options, images));
  const lock = shareVolumes(store);
  let held = true;
  const release = () => {
    if (held) for (const one of [lock, ...images.map(({ hold }) => hold)]) one[Symbol.dispose]();
    held = false;
  };
  const made: string[] = [];
  const undo = () => {
    for (const name of made) removeEmptyVolume(store, name);
    release();
  };
  try {
    const mounts = new Map<string, MountRequest>();
    for (const destination of options.imageVolumes) addImageVolume(mounts, destination);
    for (const from of options.volumesFrom)
      for (const mount of mountsOf(store, from)) mounts.set(mount.destination, mount);
    // two flags for one place are a mistake, which the specification's builder reports: both stay
    for (const { destination } of given) mounts.delete(destination);
    const all = [...given, ...mounts.values()].map((mount) => named(store, mount, made));
    return { mounts: all, recorded: recordMounts(all), layers: needsOf(images), release, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

async function withLayers(
  mount: MountRequest,
  { image }: ResolveOptions,
  images: PreparedImage[],
): Promise<MountRequest> {
  if (mount.type !== "image") return mount;
  const prepared = await image(mount.source ?? "");
  images.push(prepared);
  return { ...mount, image: prepared.root };
}

function needsOf([first, ...others]: readonly PreparedImage[]): ContainerNeeds | undefined {
  if (first === undefined) return undefined;
  const layers = [first, ...others].flatMap(({ needs }) => needs.layers);
  return { ...first.needs, layers: [...new Set(layers)] };
}

/** An image's own words: what is no place for a mount is passed over, as when nothing is mounted there. */
function addImageVolume(mounts: Map<string, MountRequest>, text: string): void {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (!text.startsWith("/") || parts.length === 0 || parts.includes("..")) return;
  const destination = `/${parts.join("/")}`;
  mounts.set(destination, {
    type: "volume",
    destination,
    options: ["rbind", "rprivate"],
    flag: `the image's VOLUME ${destination}`,
  });
}

/** What another container was made with: its volumes and what it binds, devices apart. */
function mountsOf(store: string, { container, readOnly, flag }: VolumesFrom): MountRequest[] {
  const { mounts } = readOptions(store, findContainer(store, container)).options;
  return mounts
    .filter((mount) => mount.type === "volume" || (mount.type === "bind" && !mount.flag.startsWith("--device ")))
    .map((mount) => ({
      ...mount,
      flag,
      options: readOnly ? [...mount.options.filter((option) => option !== "rw"), "ro", "rro"] : mount.options,
    }));
}

/** The volume is there from here on. */
function named(store: string, mount: MountRequest, made: string[]): MountRequest {
  if (mount.type !== "volume") return mount;
  if (mount.source !== undefined && mount.anonymous) {
    shareVolume(store, mount.source);
    return mount;
  }
  if (mount.source !== undefined) {
    // somebody may name a volume that has no name of its own
    if (!createVolume(store, { name: mount.source }) && isOwned(store, mount.source)) shareVolume(store, mount.source);
    return mount;
  }
  const name = randomHex(32);
  if (!createVolume(store, { name, anonymous: true }))
    throw new TsboxError("internal", `cannot make volume ${name}: it is there`);
  made.push(name);
  return { ...mount, source: name, anonymous: true };
}
