/** Removing containers, files of subordinate ids included. */
import { TsboxError } from "../error.ts";
import { chooseMapping, unpackMapping } from "../idmap/index.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../linux/abi.gen.ts";
import { E } from "../linux/errno.ts";
import { readShortText } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import { event } from "./events.ts";
import { type ContainerRecord, containerFolder, hasAnonymous, isRunning, takeLockIfThere } from "./folder.ts";
import { dropDeadName, nameOwner } from "./names.ts";
import { removeSockets } from "./ports.ts";
import { readRecord, recordIfPresent } from "./state.ts";
import { nameOf, settledState, stopContainer } from "./stop.ts";

export interface RemoveOptions {
  /** End it first if it runs. */
  readonly force: boolean;
  /** With force: seconds between its stop signal and SIGKILL; at once when absent. */
  readonly timeout?: number;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

/** Milliseconds after which force removes a container whose files somebody copies. */
const PATIENCE = 2000;

/** @throws TsboxError `busy` when it runs */
export async function removeContainer(store: string, id: string, options: RemoveOptions): Promise<void> {
  const record = readRecord(store, id);
  const lock = await lockEnded(store, record, options);
  if (lock === undefined) return;
  try {
    if (options.volumes || record.remove) await discardContainer(store, id);
    else await removeContainerFolder(store, id);
    event(store, record, "destroy");
  } finally {
    if (lock >= 0) syscall(SYS.close, lock);
  }
}

/**
 * Takes the lock, so that nobody starts the container while it is removed, once it does not run.
 * @returns undefined when it is gone by then, -1 when there is no lock, or force does without
 */
async function lockEnded(
  store: string,
  record: ContainerRecord,
  { force, timeout }: RemoveOptions,
): Promise<number | undefined> {
  const { id } = record;
  const folder = containerFolder(store, id);
  const refuse = (reason: string) =>
    new TsboxError(
      "busy",
      `cannot remove container ${nameOf(record)}: ${reason}, or use: tsbox rm -f ${nameOf(record)}`,
    );
  for (const deadline = Date.now() + PATIENCE; ; await Bun.sleep(5)) {
    // its monitor may still be about to end, or to start it again
    const state = await settledState(store, record);
    const runs = state.status !== "created" && state.status !== "exited";
    if (runs && !force) throw refuse(`it is ${state.status}; stop it first`);
    if (runs) await stopContainer(store, id, { timeout: timeout ?? 0 });
    // --rm: its monitor was faster
    if (recordIfPresent(store, id) === undefined) return undefined;
    const lock = takeLockIfThere(folder);
    if (lock !== undefined) return lock;
    // it is being started or made this moment, or its files are copied
    if (!force) throw refuse("another tsbox works on it; wait for that");
    if (Date.now() > deadline && !isRunning(folder)) return -1;
  }
}

/** `--replace`: the container that has the name goes. */
export async function replaceContainer(store: string, name: string): Promise<void> {
  const id = nameOwner(store, "containers", name);
  if (id !== undefined && recordIfPresent(store, id) !== undefined)
    await removeContainer(store, id, { force: true, volumes: false });
}

/** Removes all of it and the volumes that were made for it. Idempotent. */
export async function discardContainer(store: string, id: string): Promise<void> {
  const record = recordIfPresent(store, id);
  await removeContainerFolder(store, id);
  if (record !== undefined && hasAnonymous(record))
    await (await import("./volumes/remove.ts")).removeAnonymousVolumes(store, record);
}

/** Removes all of it, its name last, so that a kill in between leaves something that can be removed again. Idempotent. */
export async function removeContainerFolder(store: string, id: string): Promise<void> {
  const folder = containerFolder(store, id);
  const name = recordIfPresent(store, id)?.name;
  await removeCgroup(folder);
  removeSockets(folder);
  await removeTree(folder, unpackMapping(chooseMapping().mapping));
  if (name !== undefined) dropDeadName(store, "containers", name, id);
}

/** What a monitor that was killed left of it; its last processes may be about to end. */
async function removeCgroup(folder: string): Promise<void> {
  const path = readShortText(`${folder}/cgroup`);
  if (!path?.startsWith("/sys/fs/cgroup/")) return;
  for (let attempt = 0; attempt < 200; attempt++) {
    if (syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR) !== -E.EBUSY) return;
    await Bun.sleep(10);
  }
}
