/** `rename`: the new name is claimed, then written down, then the old one is let go. */
import { TsboxError } from "../error.ts";
import { changingRecord, writeChange } from "./change-record.ts";
import { event } from "./events.ts";
import { containerFolder, isRunning } from "./folder.ts";
import { checkName, claimName, dropName, nameOwner } from "./names.ts";

/**
 * Killed in between, it leaves a container that has both names. A container with --rm that runs keeps its old name beside the new one
 * until it ends: its monitor, which knows the old one only, then removes that, and must not remove a name that is another's by then.
 *
 * @throws TsboxError `usage` for a name that none can have, `exists` when another has it, `not-found`
 */
export async function renameContainer(store: string, id: string, name: string): Promise<void> {
  checkName(name);
  await changingRecord(store, id, (record) => {
    if (record.name === name)
      throw new TsboxError("usage", `cannot rename container ${name}: that is its name already`);
    const { name: old } = record;
    const kept = nameOwner(store, "containers", name) === id;
    // the old name of one with --rm, which it takes again
    if (!kept) claimName(store, "containers", name, id);
    try {
      writeChange(store, id, { record: { name }, options: { name } });
    } catch (error) {
      if (!kept) dropName(store, "containers", name, id);
      throw error;
    }
    const removedByMonitor = record.remove && isRunning(containerFolder(store, id));
    if (old !== undefined && !removedByMonitor) dropName(store, "containers", old, id);
    event(store, { ...record, name }, "rename", { oldName: old });
  });
}
