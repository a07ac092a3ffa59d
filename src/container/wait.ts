/** `wait`: until a container is in a certain state. */
import { TsboxError } from "../error.ts";
import { openProcess, waitForEnd } from "../linux/process.ts";
import { exists } from "../linux/read-text.ts";
import { containerFolder } from "./folder.ts";
import { awaitExit, connectToMonitor } from "./monitor-socket.ts";
import { type ContainerState, containerState, recordIfPresent, type Status } from "./state.ts";

/** Docker's and podman's names. */
export type WaitCondition =
  | "not-running"
  | "next-exit"
  | "removed"
  | "running"
  | "created"
  | "paused"
  | "exited"
  | "healthy"
  | "unhealthy";

const POLL = 50;

/**
 * @returns the exit status of the container's last run; 0 for conditions that it has to run for
 * @throws TsboxError `not-found`, or `usage` for what can never be
 */
export async function waitContainer(store: string, id: string, condition: WaitCondition): Promise<number> {
  const since = Date.now();
  const state = stateOf(store, id);
  if (state === undefined) throw removed(id);
  if ((condition === "healthy" || condition === "unhealthy") && !recordIfPresent(store, id)?.healthcheck)
    throw new TsboxError("usage", `cannot wait for container ${id.slice(0, 12)}: it has no health check`);
  if (condition === "not-running" || condition === "next-exit" || condition === "exited") {
    if (condition !== "next-exit" && state.status === "exited") return state.exitCode;
    if (condition === "not-running" && state.status === "created") return 0;
    return await untilExit(store, id, state, since);
  }
  for (let last = state; ; await Bun.sleep(POLL)) {
    const now = stateOf(store, id);
    if (now === undefined) {
      if (condition === "removed") return last.exitCode;
      throw removed(id);
    }
    last = now;
    const wanted: Status | "healthy" | "unhealthy" | "removed" = condition;
    if (last.status === wanted || last.health === wanted) return last.exitCode;
  }
}

function removed(id: string): TsboxError {
  return new TsboxError("not-found", `cannot wait for container ${id.slice(0, 12)}: it was removed`);
}

/** Undefined when it is gone, or about to: its lock goes with its folder, and may do so before its record. */
function stateOf(store: string, id: string): ContainerState | undefined {
  const record = recordIfPresent(store, id);
  const state = record === undefined ? undefined : containerState(store, record);
  return exists(`${containerFolder(store, id)}/lock`) ? state : undefined;
}

/** Its monitor says so at once; one that runs in the foreground, or has no monitor any more, is watched itself. */
async function untilExit(store: string, id: string, state: ContainerState, since: number): Promise<number> {
  const folder = containerFolder(store, id);
  using connection = connectToMonitor(folder);
  if (connection !== undefined) {
    const status = awaitExit(connection);
    if (status !== undefined) return status;
  } else {
    const pidfd = openProcess(state);
    if (pidfd !== undefined) waitForEnd(pidfd, Number.MAX_SAFE_INTEGER);
  }
  for (;;) {
    const now = stateOf(store, id);
    if (now === undefined) return await notedStatus(store, id, since);
    if (now.status === "exited") return now.exitCode;
    await Bun.sleep(POLL);
  }
}

/** Of one that went with its end (--rm): what its monitor noted before it removed it. @param since milliseconds since 1970 */
async function notedStatus(store: string, id: string, since: number): Promise<number> {
  const { readEvents } = await import("./event-log.ts");
  let status: unknown;
  for await (const event of readEvents(store, { follow: false }))
    if (event.action === "die" && event.id === id && event.time >= since) status = event.exitCode;
  if (typeof status === "number") return status;
  throw removed(id);
}
