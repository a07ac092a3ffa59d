/** What is in folders of the store. */
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  SYS,
} from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { statFd } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

/** None when there is no such folder. @throws SyscallError */
export function namesIn(folder: string): string[] {
  try {
    return listFolder(Buffer.from(folder).toString("latin1")).map(({ name }) => name);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return [];
    throw error;
  }
}

/** A folder that cannot be read is somebody's, so there is something in it. */
export function isEmptyFolder(path: string): boolean {
  try {
    return listFolder(Buffer.from(path).toString("latin1")).length === 0;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

/**
 * Whether a path leads to something else than a folder, with every link on the way resolved in the folder. What cannot be looked at from here is
 * taken for a folder: the kernel says no to the mount if it is none.
 */
export function isFileIn(folder: string, path: string): boolean {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const root = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(folder), flags), folder);
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  const fd = syscall(SYS.openat2, root, cstring(path), how, 24);
  syscall(SYS.close, root);
  if (fd < 0) return false;
  try {
    return !statFd(fd).isFolder;
  } finally {
    syscall(SYS.close, fd);
  }
}
