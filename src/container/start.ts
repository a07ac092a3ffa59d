/** Starting a container that is there: one that was created, or has ended. */
import { TsboxError } from "../error.ts";
import { chooseMapping } from "../idmap/index.ts";
import { AT_FDCWD, SYS } from "../linux/abi.gen.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { becomeNative } from "../plan/index.ts";
import type { AttachedClient } from "../runtime/index.ts";
import { type DetachMode, detachedPlanOf } from "./detach.ts";
import { containerFolder, takeLock } from "./folder.ts";
import { healthTest } from "./health.ts";
import type { Container } from "./make.ts";
import { readOptions } from "./options-file.ts";
import { containerState, readRecord } from "./state.ts";

/** Milliseconds in which the monitor of a container that has ended lets go of its lock. */
const PATIENCE = 5000;
/** Milliseconds in which a container ends whose monitor was killed. */
const LAST_MOMENT = 500;

/**
 * Takes a container that does not run.
 * @returns undefined when it runs already
 */
export async function openContainer(store: string, id: string): Promise<Container | undefined> {
  const folder = containerFolder(store, id);
  const record = readRecord(store, id);
  const orphaned = Date.now() + LAST_MOMENT;
  for (const deadline = Date.now() + PATIENCE; ; ) {
    const { status, pid } = containerState(store, record);
    const lock = takeLock(folder);
    if (lock !== undefined && pid === 0) {
      const { options, defaults, mapping, root } = readOptions(store, id);
      checkMapping(record.mapping, options.userns, record.name ?? id);
      return { options, defaults, mapping, root, store, record, folder, lock, again: true };
    }
    if (lock !== undefined) syscall(SYS.close, lock);
    // its monitor was killed, and it ends with that, unless it has made itself independent
    if (lock !== undefined && status === "running" && Date.now() < orphaned) {
      await Bun.sleep(5);
      continue;
    }
    // its monitor is about to end; or somebody else starts it this moment
    if (pid !== 0 || status === "restarting") return undefined;
    if (Date.now() > deadline) {
      throw new TsboxError(
        "busy",
        `cannot start container ${record.name ?? id.slice(0, 12)}: another tsbox works on it`,
      );
    }
    await Bun.sleep(5);
  }
}

/** What a container's files belong to was decided when it was made. */
function checkMapping(name: string, userns: Parameters<typeof chooseMapping>[0], container: string): void {
  const { mapping } = chooseMapping(userns);
  if (mapping.name === name) return;
  throw new TsboxError(
    "host",
    `cannot start container ${container}: your user ids are mapped in another way than when it was made (${name}, now ${mapping.name}); see tsbox doctor`,
  );
}

/** What is left of its last run. */
export function forgetLastRun(folder: string): void {
  for (const name of ["started.json", "exited.json", "stop-asked", "health.json"])
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
}

/**
 * Starts it in the background: this process becomes the launcher of its monitor, prints a line and ends.
 * @returns only when it runs already
 * @throws TsboxError
 */
export async function startDetached(store: string, id: string, print: string | undefined): Promise<void> {
  const container = await openContainer(store, id);
  if (container === undefined) return;
  becomeNative(await planOf(container, { print, client: undefined, keep: true }));
}

/** What fails before there is a launcher is noted here. */
async function planOf(container: Container, mode: DetachMode): Promise<Uint8Array> {
  try {
    await becomeMonitored(container);
    const plan = await detachedPlanOf(container, mode);
    forgetLastRun(container.folder);
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${container.folder}/restarts.json`), 0);
    return plan;
  } catch (error) {
    const { noteFailure } = await import("./start-failure.ts");
    noteFailure(container.folder, error);
    throw error;
  }
}

/** One that ran in the foreground of a `run` had neither log nor health checks; from now on it has both. */
async function becomeMonitored({ store, record, options, defaults }: Container): Promise<void> {
  const log = options.log.driver;
  const healthcheck = healthTest(options, defaults) === undefined ? undefined : true;
  if (record.log === log && record.healthcheck === healthcheck) return;
  const { changingRecord, writeChange } = await import("./change-record.ts");
  await changingRecord(store, record.id, () => writeChange(store, record.id, { record: { log, healthcheck } }));
}

/** Starts it, with this process as its first client. @returns only when it runs already */
export async function startAttached(store: string, id: string, client: AttachedClient): Promise<void> {
  const container = await openContainer(store, id);
  if (container === undefined) return;
  becomeNative(await planOf(container, { print: undefined, client, keep: true }));
}
