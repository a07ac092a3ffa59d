/** What is in folders of the store. */
import { listFolder } from "../../linux/directory.ts";
import { E, SyscallError } from "../../linux/errno.ts";

/** None when there is no such folder. @throws SyscallError */
export function namesIn(folder: string): string[] {
  try {
    return listFolder(Buffer.from(folder).toString("latin1")).map(({ name }) => name);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return [];
    throw error;
  }
}

/** A folder that cannot be read is somebody's, so there is something in it. */
export function isEmptyFolder(path: string): boolean {
  try {
    return listFolder(Buffer.from(path).toString("latin1")).length === 0;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}
