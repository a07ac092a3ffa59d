/** Advisory locks on files: flock(2). The kernel lets go of them when their holder ends, however it ends. */
import { AT_FDCWD, LOCK_EX, LOCK_NB, LOCK_SH, O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_RDWR, SYS } from "./abi.gen.ts";
import { check, E } from "./errno.ts";
import { statFd, statIfPresent } from "./stat.ts";
import { cstring, syscall } from "./syscall.ts";

export type LockMode = "shared" | "exclusive";

/** A locked file, open for reading and writing. Disposing unlocks and closes. */
export interface FileLock extends Disposable {
  readonly fd: number;
  readonly path: string;
}

export interface LockOptions {
  readonly mode: LockMode;
  /** False: a missing file is ENOENT. True if not given. */
  readonly create?: boolean;
}

/** Longest pause between two attempts of {@link lockFileWhenFree}, in milliseconds. */
const LONGEST_PAUSE = 100;

/**
 * Locks a file, and blocks this whole process until that is possible: only for locks that are held for a few milliseconds.
 * The file may be one that its last holder removes: what is returned is locked and has that name.
 *
 * @throws SyscallError
 */
export function lockFile(path: string, options: LockOptions): FileLock {
  for (;;) {
    const lock = attempt(path, options, 0);
    if (typeof lock !== "string") return lock;
  }
}

/** Like {@link lockFile}, but gives up at once: undefined when another holds it. @throws SyscallError */
export function tryLockFile(path: string, options: LockOptions): FileLock | undefined {
  for (;;) {
    const lock = attempt(path, options, LOCK_NB);
    if (lock === "held") return undefined;
    if (lock !== "gone") return lock;
  }
}

/**
 * Like {@link lockFile}, for locks that may be held for long: looks again from time to time, so that the process goes on
 * with other work (flock has no form that waits for an event).
 *
 * @param options `onWaiting` is called before each pause
 * @throws SyscallError, or the signal's reason
 */
export async function lockFileWhenFree(
  path: string,
  options: LockOptions & { readonly signal?: AbortSignal | undefined; readonly onWaiting?: (() => void) | undefined },
): Promise<FileLock> {
  for (let pause = 5; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    options.signal?.throwIfAborted();
    const lock = tryLockFile(path, options);
    if (lock !== undefined) return lock;
    options.onWaiting?.();
    await Bun.sleep(pause);
  }
}

/** @returns `gone` when the file was removed or replaced before the lock was ours */
function attempt(path: string, { mode, create = true }: LockOptions, extra: number): FileLock | "held" | "gone" {
  // opened for writing also when shared: NFS makes flock of byte-range locks, which want that
  const flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
  const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), flags, 0o600), path);
  const lock = { fd, path, [Symbol.dispose]: () => void syscall(SYS.close, fd) };
  const outcome = takeLock(lock, (mode === "shared" ? LOCK_SH : LOCK_EX) | extra);
  if (outcome !== "locked") lock[Symbol.dispose]();
  return outcome === "locked" ? lock : outcome;
}

function takeLock({ fd, path }: FileLock, operation: number): "locked" | "held" | "gone" {
  let result: number;
  do result = syscall(SYS.flock, fd, operation);
  while (result === -E.EINTR);
  if (result === -E.EAGAIN) return "held";
  check("flock", result, path);
  const named = statIfPresent(path);
  const ours = statFd(fd);
  const same = named?.ino === ours.ino && named.devMajor === ours.devMajor && named.devMinor === ours.devMinor;
  return same ? "locked" : "gone";
}
