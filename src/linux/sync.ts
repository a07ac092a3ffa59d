/** syncfs(2). */
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

/**
 * Writes out all that the file system of a folder holds back, and blocks until it is on the disk.
 * @throws SyscallError; since Linux 5.8 also for an earlier failure to write
 */
export function syncFilesystem(folder: string): void {
  const fd = check(
    "openat",
    syscall(SYS.openat, AT_FDCWD, cstring(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    folder,
  );
  try {
    check("syncfs", syscall(SYS.syncfs, fd), folder);
  } finally {
    syscall(SYS.close, fd);
  }
}
