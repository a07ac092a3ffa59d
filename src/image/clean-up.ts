/** Garbage collection after a pull: what had the name before, and what pulls that were killed left behind. */
import { chooseMapping, unpackMapping } from "../idmap/index.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import { type Collected, collectGarbage, type Store } from "../store/index.ts";
import type { OnPullEvent } from "./progress.ts";

/** Removes all that no name and no container needs. @throws TsboxError */
export async function removeGarbage(store: Store): Promise<Collected> {
  // trees of every mapping are removed with the one that has all of the caller's ids
  const mapping = unpackMapping(chooseMapping().mapping);
  return await collectGarbage(store, { removeTree: (path) => removeTree(path, mapping) });
}

/** Like {@link removeGarbage}, where it is not what was asked for: a failure is only told. */
export async function cleanUp(store: Store, onEvent: OnPullEvent | undefined): Promise<void> {
  try {
    await removeGarbage(store);
  } catch (error) {
    const { message } = error as Error; // cast: nothing here throws anything else
    onEvent?.({ type: "note", message: `left old files in the store: ${message}` });
  }
}
