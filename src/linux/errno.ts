/** Failed system calls as errors. `SyscallError` is made only in `src/linux/`. */
import { E } from "./abi.gen.ts";

export { E } from "./abi.gen.ts";

/** All names and values. Loaded when one is asked for: elsewhere the values are put in the place of the names when tsbox is built. */
function allErrnos(): [string, number][] {
  const { ERRNO } = require("./errno-table.ts") as typeof import("./errno-table.ts");
  return Object.entries(ERRNO);
}

/** The symbolic name of an errno value, `ENOENT` for 2; `errno 999` when it has none. */
export function errnoName(errno: number): string {
  return allErrnos().find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

// The words of strerror(3) for those that people meet; the symbolic name otherwise.
const TEXTS: Record<number, string> = {
  [E.EPERM]: "operation not permitted",
  [E.ENOENT]: "no such file or directory",
  [E.ESRCH]: "no such process",
  [E.EIO]: "input/output error",
  [E.ENXIO]: "no such device or address",
  [E.E2BIG]: "argument list too long",
  [E.ENOEXEC]: "exec format error",
  [E.EBADF]: "bad file descriptor",
  [E.ECHILD]: "no child processes",
  [E.EAGAIN]: "resource temporarily unavailable",
  [E.ENOMEM]: "cannot allocate memory",
  [E.EACCES]: "permission denied",
  [E.EBUSY]: "device or resource busy",
  [E.EEXIST]: "file exists",
  [E.EXDEV]: "invalid cross-device link",
  [E.ENODEV]: "no such device",
  [E.ENOTDIR]: "not a directory",
  [E.EISDIR]: "is a directory",
  [E.EINVAL]: "invalid argument",
  [E.EMFILE]: "too many open files",
  [E.ENFILE]: "too many open files in the system",
  [E.ENOTTY]: "not a terminal",
  [E.ETXTBSY]: "text file busy",
  [E.EFBIG]: "file too large",
  [E.ENOSPC]: "no space left on device",
  [E.EROFS]: "read-only file system",
  [E.EMLINK]: "too many links",
  [E.EPIPE]: "broken pipe",
  [E.ENAMETOOLONG]: "file name too long",
  [E.ENOSYS]: "function not implemented",
  [E.ENOTEMPTY]: "directory not empty",
  [E.ELOOP]: "too many levels of symbolic links",
  [E.ENODATA]: "no data available",
  [E.EOVERFLOW]: "value too large for defined data type",
  [E.EOPNOTSUPP]: "operation not supported",
  [E.EADDRINUSE]: "address already in use",
  [E.ETIMEDOUT]: "connection timed out",
  [E.ECONNREFUSED]: "connection refused",
  [E.ESTALE]: "stale file handle",
  [E.EDQUOT]: "disk quota exceeded",
};

/** An errno value in words for people: `permission denied`. */
export function errnoText(errno: number): string {
  return TEXTS[errno] ?? errnoName(errno);
}

// What a call does, in a word for people: "cannot open FILE" and not "cannot openat FILE".
const WORDS: Readonly<Record<string, string>> = {
  openat: "open",
  openat2: "open",
  statx: "look at",
  mkdirat: "make",
  unlinkat: "remove",
  renameat2: "rename",
};

export class SyscallError extends Error {
  override readonly name = "SyscallError";
  /** Name of the system call as in its man page, `openat2`. */
  readonly syscall: string;
  /** Positive errno value. */
  readonly errno: number;
  /** The path or object it was about, if there was one. */
  readonly path: string | undefined;

  constructor(syscall: string, errno: number, path?: string) {
    super(`${WORDS[syscall] ?? syscall}${path === undefined ? "" : ` ${path}`}: ${errnoText(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.path = path;
  }
}

/** Why it failed, in words that follow a path that was named already: `no such file or directory`. Of ours and of node:fs. */
export function reasonOf(error: unknown): string {
  if (error instanceof SyscallError) return errnoText(error.errno);
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException; // cast: any error may have one
  const errno = allErrnos().find(([name]) => name === code)?.[1];
  return errno === undefined ? error.message : errnoText(errno);
}

/** Passes a result of {@link syscall} through, or throws what a negative one means. */
export function check(name: string, result: number, path?: string): number {
  if (result < 0) throw new SyscallError(name, -result, path);
  return result;
}
