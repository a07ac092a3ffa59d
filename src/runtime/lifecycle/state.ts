/** `state`: what runtime-spec defines (runtime.md, "State"), and what runc adds to it. */
import { readShortText } from "../../linux/read-text.ts";
import { fullStatusOf, readRecord, type Status } from "./state-folder.ts";

export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}

/** @throws TsboxError `not-found` */
export async function containerState(root: string, id: string): Promise<ContainerState> {
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(record.config.annotations === undefined ? {} : { annotations: record.config.annotations }),
    owner: userName(record.owner),
  };
}

/** As passwd(5) has it; the number where it has none. */
function userName(uid: number): string {
  const line = (readShortText("/etc/passwd") ?? "").split("\n").find((entry) => entry.split(":")[2] === String(uid));
  return line?.split(":")[0] ?? String(uid);
}
