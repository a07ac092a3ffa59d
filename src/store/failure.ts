/** Failures of reading and writing the store, in sentences. */
import { TsboxError } from "../error.ts";
import { E, errnoText, SyscallError } from "../linux/errno.ts";

/** The errno of a failed call, of ours or of node:fs, as a positive number. */
export function errnoOf(error: unknown): number | undefined {
  if (error instanceof SyscallError) return error.errno;
  if (error instanceof Error && "errno" in error && typeof error.errno === "number") return Math.abs(error.errno);
  return undefined;
}

/**
 * What a failed write means to a person. Errors that are not of a system call are passed through.
 *
 * @param what the object of "cannot store"
 * @param path where it was to be written
 */
export function writeFailure(error: unknown, what: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const context = { path, errno };
  if (errno === E.ENOSPC || errno === E.EDQUOT) {
    const full = errno === E.ENOSPC ? "no space is left on the disk" : "the disk quota is used up";
    return new TsboxError("no-space", `cannot store ${what}: ${full} that holds ${path}`, { cause: error, context });
  }
  const code = errno === E.EACCES || errno === E.EPERM || errno === E.EROFS ? "denied" : "io";
  return new TsboxError(code, `cannot store ${what}: ${path}: ${errnoText(errno)}`, { cause: error, context });
}

/** Runs something that writes, with failures as {@link writeFailure} words them. */
export function writing<T>(what: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw writeFailure(error, what, path);
  }
}
