/** Reading a small file of a root file system from outside, before it is mounted: /etc/passwd and /etc/group. */
import { TsboxError } from "../error.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  SYS,
} from "../linux/abi.gen.ts";
import { check, E } from "../linux/errno.ts";
import { statFd, statIfPresent } from "../linux/stat.ts";
import { cstring, syscall } from "../linux/syscall.ts";

/** No account database of an image is larger; a hostile one may be endless (CVE-2026-47262, CVE-2024-9676). */
const SIZE_LIMIT = 1024 * 1024;

/** struct open_how: flags, mode, resolve. */
function openInside(folder: number, path: string): number {
  const how = new BigUint64Array([
    BigInt(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
    0n,
    BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
  ]);
  return syscall(SYS.openat2, folder, cstring(path.replace(/^\/+/, "")), how, 24);
}

function readRegular(fd: number, path: string): string {
  // opened without blocking, so a fifo or device does no harm until it is known to be none
  if (!statFd(fd).isFile) throw new TsboxError("invalid", `cannot read ${path} of the image: it is not a regular file`);
  let buffer = new Uint8Array(16384);
  let size = 0;
  for (;;) {
    const read = syscall(SYS.read, fd, buffer.subarray(size), buffer.length - size);
    if (check("read", read, path) === 0) break;
    size += read;
    if (size === buffer.length) {
      const larger = new Uint8Array(size * 4);
      larger.set(buffer);
      buffer = larger;
    }
    if (size > SIZE_LIMIT)
      throw new TsboxError("invalid", `cannot read ${path} of the image: it is larger than ${SIZE_LIMIT} bytes`);
  }
  return new TextDecoder().decode(buffer.subarray(0, size));
}

/** Whether a layer hides what lower layers have at this path: a whiteout of it, or of a folder above it, or an opaque folder. */
function hides(folder: number, path: string): boolean {
  const parts = path.split("/").filter((part) => part !== "");
  for (let depth = 1; depth <= parts.length; depth++) {
    const name = parts.slice(0, depth).join("/");
    const stat = statIfPresent(name, folder);
    if (stat === undefined) return false;
    // overlay's whiteout is a character device 0:0; anything but a folder also replaces what is below it
    if (!stat.isFolder) return true;
    if (depth < parts.length && isOpaque(folder, name)) return true;
  }
  return false;
}

function isOther(folder: number, path: string): boolean {
  try {
    return statIfPresent(path.replace(/^\/+/, ""), folder)?.isFile === false;
  } catch {
    return false; // a folder above may not be searched
  }
}

function isOpaque(folder: number, name: string): boolean {
  const fd = syscall(SYS.openat, folder, cstring(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const value = new Uint8Array(8);
  const size = syscall(SYS.fgetxattr, fd, cstring("user.overlay.opaque"), value, value.length);
  syscall(SYS.close, fd);
  return size === 1 && value[0] === 0x79; // "y"
}

/**
 * @param folders the root's folders, uppermost first
 * @returns the file's text, undefined when there is none (or only a link, which is not followed)
 * @throws TsboxError `invalid` for what is too large or not a file, `denied` when the caller may not read it
 */
export function readImageFile(folders: readonly string[], path: string): string | undefined {
  for (const folder of folders) {
    const root = check(
      "openat",
      syscall(SYS.openat, AT_FDCWD, cstring(folder), O_PATH | O_DIRECTORY | O_CLOEXEC),
      folder,
    );
    try {
      const fd = openInside(root, path);
      if (fd >= 0) {
        try {
          return readRegular(fd, path);
        } finally {
          syscall(SYS.close, fd);
        }
      }
      // a whiteout may not be opened either; it says that there is no such file
      if (fd === -E.EACCES && !isOther(root, path))
        throw new TsboxError("denied", `cannot read ${path} of the image: permission denied`);
      if (fd === -E.ELOOP || hides(root, path)) return undefined;
    } finally {
      syscall(SYS.close, root);
    }
  }
  return undefined;
}
