/** Commands by which native calls tsbox for a bundle's container: after a failure, and at the end of one in the foreground. */
import { explainFailure } from "../../plan/index.ts";
import { discardContainer, readRecord, removeLeftovers, type StateRecord } from "../../runtime/lifecycle/index.ts";
import { reportFailure, warn } from "./report.ts";

/** `__oci-failure OP ERRNO DETAIL ROOT ID`: says what failed and removes what there is. */
export async function lifecycleFailure(args: readonly string[]): Promise<number> {
  const [op = "", errno = "", detail = "", root = "", id = ""] = args;
  const error = await explainFailure([op, errno, detail]);
  let record: StateRecord | undefined;
  try {
    record = readRecord(root, id);
  } catch {
    // somebody removed it in the meantime; why it failed must be told all the same
  }
  reportFailure(error, record?.log);
  if (record !== undefined)
    await discardContainer(root, record, record.log === undefined ? undefined : warn(record.log));
  return 1;
}

/** `__oci-end ROOT ID`: what native left of a container that has ended. */
export async function lifecycleEnd(args: readonly string[]): Promise<number> {
  const [root = "", id = ""] = args;
  const record = readRecord(root, id);
  await removeLeftovers(root, record, record.log === undefined ? undefined : warn(record.log));
  return 0;
}

/** `__oci-exec-failure OP ERRNO DETAIL FORMAT LOG`: says what failed; the container goes on. 255 is runc's for that. */
export async function execFailure(args: readonly string[]): Promise<number> {
  const [op = "", errno = "", detail = "", format = "", path = ""] = args;
  const log = { path: path || undefined, format: format === "json" ? "json" : "text", level: "error" } as const;
  reportFailure(await explainFailure([op, errno, detail]), log);
  return 255;
}
