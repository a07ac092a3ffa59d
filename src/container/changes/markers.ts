/** How a container's upper folder says what is gone: as overlay does, or in the ways that fuse-overlayfs has beside it. */
import { SYS } from "../../linux/abi.gen.ts";
import { syscall } from "../../linux/syscall.ts";
import { isOpaque } from "../../rootfs/tree/index.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** fuse-overlayfs(1) sets the first one that the file system lets it. */
const ATTRIBUTES = ["user.fuseoverlayfs.opaque", "trusted.overlay.opaque"].map((name) => Buffer.from(`${name}\0`));

export interface Listing {
  /** By the name that is meant. Whiteouts that are devices are still entries here. */
  readonly names: ReadonlyMap<string, "entry" | "whiteout">;
  /** There is a file that says so. */
  readonly opaque: boolean;
}

/** @param fuse whether fuse-overlayfs wrote it, which makes files of such names; with overlay they are the container's own */
export function readMarkers(names: readonly string[], fuse: boolean): Listing {
  const meaning = new Map<string, "entry" | "whiteout">();
  for (const name of names) {
    if (!fuse || !name.startsWith(WHITEOUT)) meaning.set(name, "entry");
    else if (name !== OPAQUE && !meaning.has(name.slice(WHITEOUT.length)))
      meaning.set(name.slice(WHITEOUT.length), "whiteout");
  }
  return { names: meaning, opaque: fuse && names.includes(OPAQUE) };
}

export function isOpaqueFolder(fd: number, fuse: boolean): boolean {
  if (isOpaque(fd)) return true;
  if (!fuse) return false;
  const value = new Uint8Array(8);
  return ATTRIBUTES.some((name) => syscall(SYS.fgetxattr, fd, name, value, value.length) === 1 && value[0] === 0x79);
}
