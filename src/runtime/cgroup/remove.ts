/** Removes a cgroup with those in it. */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { E, errnoText } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { cgroupsIn } from "./processes.ts";

/** Killed processes stay for moments: their memory is freed first. */
const PATIENCE = 2_000;

/**
 * Depth first; a missing one is no failure. Waits up to two seconds while processes end.
 * @throws TsboxError `busy` when processes are still there, `denied`
 */
export function removeTree(path: string): void {
  const end = Date.now() + PATIENCE;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const result = removeOnce(path);
    if (result === 0) return;
    if (result !== -E.EBUSY && result !== -E.ENOTEMPTY) {
      throw new TsboxError("denied", `cannot remove the cgroup ${path}: ${errnoText(-result)}`);
    }
    if (Date.now() >= end) throw new TsboxError("busy", `cannot remove the cgroup ${path}: processes still run in it`);
    Bun.sleepSync(pause);
  }
}

function removeOnce(path: string): number {
  const result = syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR);
  if (result === 0 || result === -E.ENOENT) return 0;
  // EBUSY is either processes or cgroups inside; only cgroups can be removed
  if (result !== -E.EBUSY) return result;
  const inside = cgroupsIn(path);
  if (inside.length === 0) return result;
  for (const child of inside) {
    const failure = removeOnce(child);
    if (failure !== 0) return failure;
  }
  const again = syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR);
  return again === -E.ENOENT ? 0 : again;
}
