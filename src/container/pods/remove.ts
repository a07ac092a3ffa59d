/** Removing pods, with the containers in them. */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { E, SyscallError } from "../../linux/errno.ts";
import { exists } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { writeText } from "../../linux/write-text.ts";
import { isUp } from "../list.ts";
import { dropName } from "../names.ts";
import { removeContainer } from "../remove.ts";
import { lockPod, type PodRecord, podFolder } from "./folder.ts";
import { endHolder } from "./holder.ts";
import { containersOf } from "./state.ts";

export interface RemovePodOptions {
  /** End what runs. */
  readonly force: boolean;
  /** Seconds for that; 0 kills at once. */
  readonly timeout: number;
}

/** @throws TsboxError `busy` when a container of it runs */
export async function removePod(store: string, pod: PodRecord, { force, timeout }: RemovePodOptions): Promise<void> {
  // nobody adds a container, or starts one, meanwhile
  using _lock = await lockPod(store, pod);
  const containers = containersOf(store, pod);
  const running = containers.find(({ state }) => isUp(state));
  if (running !== undefined && !force) {
    throw new TsboxError(
      "busy",
      `cannot remove pod ${pod.name}: its container ${running.record.name} is ${running.state.status}; stop it first, or use: tsbox pod rm -f ${pod.name}`,
    );
  }
  const mark = `${podFolder(store, pod.id)}/removing`;
  writeText(mark, "");
  const outcomes = await Promise.allSettled(
    containers.map(({ record }) => removeContainer(store, record.id, { force, timeout, volumes: true })),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) {
    syscall(SYS.unlinkat, AT_FDCWD, cstring(mark), 0);
    throw failed.reason;
  }
  await endHolder(store, pod);
  if (exists(`${podFolder(store, pod.id)}/files`)) await (await import("./belongings.ts")).removeBelongings(store, pod);
  discardPod(store, pod.id, pod.name);
}

/** Removes its folder and then its name, if it has that. Idempotent. */
export function discardPod(store: string, id: string, name: string | undefined): void {
  const folder = podFolder(store, id);
  const unlink = (path: string, flags = 0) => syscall(SYS.unlinkat, AT_FDCWD, cstring(path), flags);
  // first what makes it a pod
  unlink(`${folder}/pod.json`);
  for (const entry of namesIn(folder)) unlink(`${folder}/${entry}`);
  unlink(folder, 0x200 /* AT_REMOVEDIR */);
  if (name !== undefined) dropName(store, "pods", name, id);
}

function namesIn(folder: string): string[] {
  try {
    return listFolder(folder).map(({ name }) => name);
  } catch (error) {
    // whoever wants its name removes it, too
    if (error instanceof SyscallError && error.errno === E.ENOENT) return [];
    throw error;
  }
}
