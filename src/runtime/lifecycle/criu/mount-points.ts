/** What CRIU mounts on: it makes nothing in a root file system, which may be another copy than the one of the checkpoint. */
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  SYS,
} from "../../../linux/abi.gen.ts";
import { check, E } from "../../../linux/errno.ts";
import { cstring, syscall } from "../../../linux/syscall.ts";
import type { MountPoint } from "./mounts.ts";

/** struct open_how of openat2(2) */
const OPEN_HOW = 24;

/** Makes those that are missing, with the folders above them; links in the root file system lead nowhere else. @throws SyscallError */
export function makeMountPoints(rootfs: string, points: readonly MountPoint[]): void {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const root = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(rootfs), flags), rootfs);
  try {
    for (const { place, isFolder } of points) {
      const names = place.split("/").filter((name) => name !== "");
      for (const [index, name] of names.entries())
        makeIfMissing(root, names.slice(0, index).join("/"), name, isFolder || index < names.length - 1);
    }
  } finally {
    syscall(SYS.close, root);
  }
}

function makeIfMissing(root: number, folder: string, name: string, isFolder: boolean): void {
  const there = openInside(root, `${folder}/${name}`, O_PATH);
  if (there >= 0) {
    syscall(SYS.close, there);
    return;
  }
  if (there !== -E.ENOENT) check("openat2", there, `/${folder}/${name}`);
  const above = check("openat2", openInside(root, folder || ".", O_PATH | O_DIRECTORY), `/${folder}`);
  try {
    if (isFolder) {
      check("mkdirat", syscall(SYS.mkdirat, above, cstring(name), 0o755), `/${folder}/${name}`);
      return;
    }
    const fd = syscall(SYS.openat, above, cstring(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644);
    syscall(SYS.close, check("openat", fd, `/${folder}/${name}`));
  } finally {
    syscall(SYS.close, above);
  }
}

function openInside(root: number, path: string, flags: number): number {
  const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  return syscall(SYS.openat2, root, cstring(path), how, OPEN_HOW);
}
