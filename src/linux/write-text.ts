/** Making small files and folders without `node:fs`, for start-up paths. */
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY, SYS } from "./abi.gen.ts";
import { check, E } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

const encoder = new TextEncoder();

/**
 * Writes a whole file. With `exclusive` it must not be there yet (EEXIST). Not atomic: for files in folders that nobody else
 * looks at yet.
 * @throws SyscallError
 */
export function writeText(
  path: string,
  text: string,
  options: { readonly mode?: number; readonly exclusive?: boolean } = {},
): void {
  const flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (options.exclusive ? O_EXCL : O_TRUNC);
  const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), flags, options.mode ?? 0o644), path);
  try {
    writeAll(fd, text, path);
  } finally {
    syscall(SYS.close, fd);
  }
}

/**
 * Writes all of a text to a descriptor, as it is: `console.error` colours what it writes to a terminal, and `process.stderr` costs
 * milliseconds to make. A descriptor that does not block, and is full, is waited for.
 * @throws SyscallError
 */
export function writeAll(fd: number, text: string, path?: string): void {
  writeBytes(fd, encoder.encode(text), path);
}

/** Like {@link writeAll}. @throws SyscallError */
export function writeBytes(fd: number, bytes: Uint8Array, path?: string): void {
  let at = 0;
  while (at < bytes.length) {
    const written = syscall(SYS.write, fd, bytes.subarray(at), bytes.length - at);
    if (written === -E.EAGAIN) Bun.sleepSync(1);
    else if (written !== -E.EINTR) at += check("write", written, path);
  }
}

/** Like {@link writeText}, written beside and renamed: readers see the old text or the new one. One writer at a time. */
export function replaceFile(path: string, text: string, mode = 0o644): void {
  try {
    writeText(`${path}.new`, text, { mode });
    check("renameat", syscall(SYS.renameat2, AT_FDCWD, cstring(`${path}.new`), AT_FDCWD, cstring(path), 0), path);
  } catch (error) {
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${path}.new`), 0);
    throw error;
  }
}

/** @returns false when it was there already. @throws SyscallError for other failures, a missing parent included */
export function makeFolder(path: string, mode = 0o755): boolean {
  const result = syscall(SYS.mkdirat, AT_FDCWD, cstring(path), mode);
  if (result === -E.EEXIST) return false;
  check("mkdirat", result, path);
  return true;
}

/** Like {@link makeFolder}, with all parents that are missing. */
export function makeFolders(path: string, mode = 0o755): void {
  const result = syscall(SYS.mkdirat, AT_FDCWD, cstring(path), mode);
  if (result === 0 || result === -E.EEXIST) return;
  const slash = path.lastIndexOf("/");
  if (result !== -E.ENOENT || slash <= 0) check("mkdirat", result, path);
  makeFolders(path.slice(0, slash), mode);
  makeFolder(path, mode);
}
