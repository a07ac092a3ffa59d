/** File systems that become read-only when all is in them: podman asks for a read-only /dev where the root is read-only. */
import { AT_EMPTY_PATH, MOUNT_ATTR_RDONLY } from "../linux/abi.gen.ts";
import type { Mount } from "../oci/index.ts";
import type { Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`);

/**
 * Whether something is yet to be made in a tmpfs at `place`: by a later mount, or devices and the working folder, which come after all mounts.
 * @param place absolute and normalized, as `normalize` gives it
 */
export function isToBeFilled(
  { config }: Pick<Compilation, "config">,
  place: string,
  index: number,
  normalize: (path: string) => string,
): boolean {
  const later = (config.mounts ?? []).slice(index + 1).map((mount: Mount) => mount.destination);
  const devices = (config.linux?.devices ?? []).map(({ path }) => path);
  const paths = [...later, ...devices, config.process?.cwd ?? "/"].map(normalize);
  return place === "/dev" || isBelow("/dev", place) || paths.some((path) => isBelow(path, place));
}

/** Remembers the mount in slot `mount`, which is about to be attached. */
export function addReadOnlyLater({ inside, mount, readOnlyLater }: Compilation, note: string): void {
  const held: Slot = inside.slot();
  inside.add("open_tree", [held, mount, "", AT_EMPTY_PATH], { note });
  readOnlyLater.push({ held, note });
}

/** Appends what makes them read-only. */
export function addReadOnly({ inside, readOnlyLater }: Compilation): void {
  for (const { held, note } of readOnlyLater) {
    inside.add("mount_setattr", [held, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, null], { note });
    inside.add("close", [held]);
  }
}
