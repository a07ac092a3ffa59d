/** `delete`: what is left of a container goes. runtime-spec runtime.md, "Delete" */
import { TsboxError } from "../../error.ts";
import { endProcess, removeLeftovers } from "./discard.ts";
import { checkId, holdStateFolder, readRecord, removeStateFolder, type StateRecord, statusOf } from "./state-folder.ts";

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
  const folder = holdStateFolder(root, id);
  let record = readAtAll(root, id, folder, force);
  if (record === undefined) return;
  let status = statusOf(root, record);
  if (status === "creating") {
    if (!force)
      throw new TsboxError(
        "busy",
        `cannot delete container "${id}": it is being created; --force removes it all the same`,
      );
    // then nobody writes the record any more, which may have got its pid in this moment
    endProcess(record.maker);
    record = readAtAll(root, id, folder, force);
    if (record === undefined) return;
    status = statusOf(root, record);
  }
  if (status === "running" && !force)
    throw new TsboxError(
      "busy",
      `cannot delete container "${id}" that is not stopped: it is running; --force ends it first`,
    );
  if (status !== "stopped") endProcess(record);
  await removeLeftovers(root, record, warn, folder);
  if (status === "creating" && record.cgroup === undefined)
    (await import("./expected-cgroup.ts")).removeExpectedCgroup(record);
}

/** @returns undefined when there is nothing to be found by it, and nothing left; only with `force`. @throws TsboxError */
function readAtAll(root: string, id: string, folder: string | undefined, force: boolean): StateRecord | undefined {
  try {
    return readRecord(root, id, folder);
  } catch (error) {
    if (!force || !(error instanceof TsboxError) || error.code === "denied") throw error;
    // its maker was killed before it wrote anything, or removed it itself, or the record is damaged
    if (folder !== undefined) removeStateFolder(root, id, folder);
    return undefined;
  }
}
