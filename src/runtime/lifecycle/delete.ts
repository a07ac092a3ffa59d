/** `delete`: what is left of a container goes. runtime-spec runtime.md, "Delete" */
import { TsboxError } from "../../error.ts";
import { exists } from "../../linux/read-text.ts";
import { discardContainer, endProcess, removeLeftovers } from "./discard.ts";
import { checkId, readRecord, removeStateFolder, type StateRecord, stateFolder, statusOf } from "./state-folder.ts";

/**
 * @param force ends it first if it runs; a container that does not exist is no failure then
 * @param warn told what failed without being a reason to stop, such as a poststop hook
 * @throws TsboxError
 */
export async function deleteContainer(
  root: string,
  id: string,
  force: boolean,
  warn: (message: string) => void,
): Promise<void> {
  checkId(id);
  let record: StateRecord;
  try {
    record = readRecord(root, id);
  } catch (error) {
    if (!force || !(error instanceof TsboxError)) throw error;
    // its maker was killed before it wrote anything, or the record is damaged: there is nothing to be found by it
    if (exists(stateFolder(root, id))) removeStateFolder(root, id);
    return;
  }
  const status = statusOf(root, record);
  if (status === "creating") {
    if (!force)
      throw new TsboxError(
        "busy",
        `cannot delete container "${id}": it is being created; --force removes it all the same`,
      );
    await discardContainer(root, record);
    if (record.cgroup === undefined) (await import("./expected-cgroup.ts")).removeExpectedCgroup(record);
    return;
  }
  if (status === "running" && !force)
    throw new TsboxError(
      "busy",
      `cannot delete container "${id}" that is not stopped: it is running; --force ends it first`,
    );
  if (status !== "stopped") endProcess(record);
  await removeLeftovers(root, record, warn);
}
