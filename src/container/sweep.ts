/** What kills and power failures left of containers: removed by commands that remove something anyway. */
import { SYS } from "../linux/abi.gen.ts";
import { exists } from "../linux/read-text.ts";
import { statIfPresent } from "../linux/stat.ts";
import { syscall } from "../linux/syscall.ts";
import { containerFolder, takeLockIfThere } from "./folder.ts";
import { containerIDs } from "./list.ts";
import { discardContainer } from "./remove.ts";
import { containerState, recordIfPresent } from "./state.ts";

/** Seconds in which whoever makes a container comes from making its folder to locking it. */
const BEING_MADE = 60;

/** Removes containers that were never finished, and those with --rm whose monitor was killed. */
export async function sweepContainers(store: string): Promise<void> {
  for (const id of containerIDs(store)) await sweepContainer(store, id);
}

/** @returns whether it was removed */
export async function sweepContainer(store: string, id: string): Promise<boolean> {
  const folder = containerFolder(store, id);
  if (!isLeftover(store, id)) return false;
  const lock = takeLockIfThere(folder);
  if (lock === undefined) return false;
  try {
    // whoever finished it had the lock until now
    if (!isLeftover(store, id)) return false;
    await discardContainer(store, id);
    return true;
  } finally {
    if (lock >= 0) syscall(SYS.close, lock);
  }
}

function isLeftover(store: string, id: string): boolean {
  const record = recordIfPresent(store, id);
  if (record !== undefined) {
    if (!record.remove) return false;
    const { status } = containerState(store, record, false);
    return status === "exited";
  }
  const folder = statIfPresent(containerFolder(store, id));
  if (folder === undefined) return false;
  return exists(`${containerFolder(store, id)}/lock`) || Date.now() / 1000 - Number(folder.mtime[0]) > BEING_MADE;
}
