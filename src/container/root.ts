/** Which root file system a container gets: the driver, and the folders it needs. */
import { TsboxError } from "../error.ts";
import { probeOverlay } from "../host/index.ts";
import { type IdMapping, unpackMapping } from "../idmap/index.ts";
import { AT_FDCWD, SYS } from "../linux/abi.gen.ts";
import { statIfPresent, statPath } from "../linux/stat.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { makeFolder } from "../linux/write-text.ts";
import type { RootSource } from "../rootfs/index.ts";
import type { StorageDriver } from "./spec/options.ts";

export interface LayeredImage {
  /** Absolute path of `layers/<mapping>`. */
  readonly layersFolder: string;
  /** Names in it, lowest first. */
  readonly layers: readonly string[];
}

/** overlay, else fuse-overlayfs, else a copy; each is tried or looked for, none is guessed. */
export async function chooseDriver(
  store: string,
  forced: StorageDriver | undefined,
): Promise<{ driver: StorageDriver; why?: string }> {
  if (forced !== "fuse-overlayfs" && forced !== "copy") {
    const overlay = await probeOverlay(store);
    if (overlay.ok) return { driver: "overlay" };
    if (forced === "overlay")
      throw new TsboxError("host", `cannot use --storage-driver=overlay: ${overlay.why ?? "it does not work here"}`);
    const fuse = fuseObstacle();
    if (fuse === undefined) return { driver: "fuse-overlayfs", why: overlay.why ?? "" };
    return { driver: "copy", why: `${overlay.why ?? "overlay does not work"}; ${fuse}` };
  }
  if (forced === "fuse-overlayfs") {
    const fuse = fuseObstacle();
    if (fuse !== undefined) throw new TsboxError("host", `cannot use --storage-driver=fuse-overlayfs: ${fuse}`);
  }
  return { driver: forced };
}

/** access(2) */
const R_OK = 4;
const W_OK = 2;

function findFuse(): string | undefined {
  return Bun.which("fuse-overlayfs", { PATH: "/usr/local/bin:/usr/bin:/bin" }) ?? undefined;
}

function fuseObstacle(): string | undefined {
  if (findFuse() === undefined)
    return "fuse-overlayfs is not installed (an administrator runs: apt-get install fuse-overlayfs)";
  if (statIfPresent("/dev/fuse") === undefined) return "there is no /dev/fuse (an administrator runs: modprobe fuse)";
  if (syscall(SYS.faccessat, AT_FDCWD, cstring("/dev/fuse"), R_OK | W_OK) !== 0)
    return "/dev/fuse may not be opened (an administrator runs: chmod 666 /dev/fuse)";
  return undefined;
}

/** Makes what the driver needs in the container's folder. */
export async function prepareRoot(
  driver: StorageDriver,
  image: LayeredImage,
  folder: string,
  mapping: IdMapping,
): Promise<void> {
  const top = image.layers.at(-1);
  // the merged root shows its upper folder's mode
  const mode = top === undefined ? 0o755 : statPath(`${image.layersFolder}/${top}`).mode & 0o7777;
  if (driver === "copy") {
    const { copyTrees } = await import("../rootfs/tree/index.ts");
    const destination = `${folder}/rootfs`;
    makeFolder(destination, mode);
    const layers = image.layers.map((name) => `${image.layersFolder}/${name}`);
    await copyTrees({ layers, destination, mapping: unpackMapping(mapping) });
    return;
  }
  makeFolder(`${folder}/upper`, mode);
  makeFolder(`${folder}/work`, 0o700);
  makeFolder(`${folder}/merged`, 0o700);
}

/** What `prepareRoot` has made, as the runtime mounts it. @param disposable it is removed with its container's end */
export function rootSource(
  { image, driver }: { readonly image: LayeredImage; readonly driver: StorageDriver },
  folder: string,
  disposable: boolean,
): RootSource {
  if (driver === "copy") return { kind: "folder", path: `${folder}/rootfs` };
  const base = { layersFolder: image.layersFolder, layers: image.layers, container: folder, disposable };
  if (driver === "overlay") return { kind: "overlay", ...base };
  const program = findFuse();
  return { kind: "fuse-overlayfs", ...base, ...(program === undefined ? {} : { program }) };
}
