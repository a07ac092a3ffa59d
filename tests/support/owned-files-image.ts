/** An image in which files belong to somebody, for what is kept of owners. */
import { busyboxImage, writeBusyboxLayout } from "./busybox-image.ts";

/** Busybox with `/srv/www` (33:34, 0750) and `/srv/www/index` in it (33:33, 0640, "page"). @returns the reference */
export function writeOwnedFilesLayout(folder: string): string {
  const content = [
    { path: "srv/www/", type: "directory", mode: 0o750, uid: 33, gid: 34 },
    { path: "srv/www/index", data: "page", mode: 0o640, uid: 33, gid: 33 },
  ] as const;
  return writeBusyboxLayout(folder, { layers: [...busyboxImage().layers, { content }] });
}
