/**
 * The lock between those who use things of the store and the garbage collection that removes them.
 *
 * Shared: whoever is about to make something reachable (a container's record, a lease), from before he looks whether it
 * is there until he has written so. A few milliseconds. Exclusive: garbage collection, while it decides and unlinks. Never
 * across the network, an unpacking or a container's life: for those there are leases and records.
 *
 * Order where both are taken: this one, then the index's.
 */
import { E, SyscallError } from "../linux/errno.ts";
import { type FileLock, type LockMode, lockFile } from "../linux/lock.ts";
import { prepareLayout } from "./layout.ts";

/** @throws SyscallError, or TsboxError when the store cannot be made */
export function holdStore(root: string, mode: LockMode = "shared"): FileLock {
  const path = `${root}/lock`;
  try {
    return lockFile(path, { mode });
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === E.ENOENT)) throw error;
    prepareLayout(root);
    return lockFile(path, { mode });
  }
}
