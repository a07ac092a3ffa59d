/** The standard streams of a container, which lead out of it. */
import { readlinkSync } from "node:fs";
import { readText } from "../../../linux/read-text.ts";
import { statPath } from "../../../linux/stat.ts";
import type { MountLine } from "./mounts.ts";

/** In the folder of the images, as runc's: where 0, 1 and 2 led, as CRIU names it. */
export const DESCRIPTORS_FILE = "descriptors.json";

/** @returns for each of 0, 1 and 2 what the link in /proc says; empty when it is closed */
export function standardStreams(pid: number): string[] {
  return [0, 1, 2].map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
}

/**
 * CRIU's names of standard streams that are files which the container cannot see, such as a log: `file[MOUNT:INODE]`, both
 * in hexadecimal.
 */
export function outerFiles(
  pid: number,
  streams: readonly string[],
  inside: readonly MountLine[],
): (string | undefined)[] {
  return streams.map((link, fd) => {
    if (!link.startsWith("/")) return undefined;
    const mount = Number(/^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? 0);
    if (inside.some(({ id }) => id === mount)) return undefined;
    return `file[${mount.toString(16)}:${statPath(`/proc/${pid}/fd/${fd}`).ino.toString(16)}]`;
  });
}
