/** Commands by which native calls tsbox for a bundle's container: after a failure, and at the end of one in the foreground. */
import { explainFailure } from "../../plan/index.ts";
import {
  discardContainer,
  holdStateFolder,
  readRecord,
  removeLeftovers,
  type StateRecord,
} from "../../runtime/lifecycle/index.ts";
import { reportFailure, warn } from "./report.ts";

/** `__oci-failure OP ERRNO DETAIL ROOT ID`: says what failed and removes what there is. */
export async function lifecycleFailure(args: readonly string[]): Promise<number> {
  const [op = "", errno = "", detail = "", root = "", id = ""] = args;
  const error = await explainFailure([op, errno, detail]);
  // native became this process, so that it is the maker still
  const own = ownRecord(root, id, process.pid);
  reportFailure(error, own?.record.log);
  if (own !== undefined) await discardContainer(root, own.record, warnIn(own.record), own.folder);
  return 1;
}

/** `__oci-end ROOT ID`: what native left of a container that has ended. */
export async function lifecycleEnd(args: readonly string[]): Promise<number> {
  const [root = "", id = ""] = args;
  const own = ownRecord(root, id, process.ppid);
  if (own !== undefined) await removeLeftovers(root, own.record, warnIn(own.record), own.folder);
  return 0;
}

/** Somebody may have removed the container in the meantime, and another one may have its id. */
function ownRecord(root: string, id: string, maker: number) {
  try {
    const folder = holdStateFolder(root, id);
    const record = readRecord(root, id, folder);
    return record.maker.pid === maker ? { folder, record } : undefined;
  } catch {
    return undefined;
  }
}

function warnIn({ log }: StateRecord): ((message: string) => void) | undefined {
  return log === undefined ? undefined : warn(log);
}

/** `__oci-exec-failure OP ERRNO DETAIL FORMAT LOG`: says what failed; the container goes on. 255 is runc's for that. */
export async function execFailure(args: readonly string[]): Promise<number> {
  const [op = "", errno = "", detail = "", format = "", path = ""] = args;
  const log = { path: path || undefined, format: format === "json" ? "json" : "text", level: "error" } as const;
  reportFailure(await explainFailure([op, errno, detail]), log);
  return 255;
}
