/**
 * What a container does right now, from its folder and the kernel: nothing else is asked, so that it is right whoever was killed.
 */
import { E, SyscallError } from "../linux/errno.ts";
import { isAlive, type ProcessName } from "../linux/process.ts";
import { exists, readShortText, readText } from "../linux/read-text.ts";
import { type ContainerRecord, containerFolder, isRunning } from "./folder.ts";

/** Docker's words. `created`: never started. `restarting`: it has ended and its monitor will start it again. */
export type Status = "created" | "running" | "paused" | "restarting" | "exited";

/** The name is that of its first process, and zeros unless it runs. */
export interface ContainerState extends ProcessName {
  readonly status: Status;
  /** 137 when its monitor was killed with it; 0 when it has not ended. */
  readonly exitCode: number;
  /** Why it could not be started, the last time that was tried. */
  readonly error: string | undefined;
  /** Killed by the kernel for lack of memory. */
  readonly oomKilled: boolean;
  /** Milliseconds since 1970; undefined: never, or nobody was there to note it. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly restarts: number;
  /** Absolute path of the cgroup that it runs in, if it has one of its own. */
  readonly cgroup: string | undefined;
  readonly health: "starting" | "healthy" | "unhealthy" | undefined;
}

/** started.json, as native writes it. */
export interface Started extends ProcessName {
  readonly startedAt: number;
  readonly cgroup?: string;
}

/** exited.json, as native writes it, or tsbox when a start failed. */
export interface Exited {
  readonly exitCode: number;
  readonly finishedAt: number;
  readonly error?: string;
  readonly oomKilled?: boolean;
}

function readJSON<T>(path: string): T | undefined {
  const text = readShortText(path);
  if (text === undefined || text === "") return undefined;
  return JSON.parse(text) as T; // cast: only tsbox writes it, and renames it into place
}

/** @throws SyscallError when there is no such container */
export function readRecord(store: string, id: string): ContainerRecord {
  return JSON.parse(readText(`${containerFolder(store, id)}/container.json`)) as ContainerRecord; // cast: only tsbox writes it
}

/** @returns undefined when there is no such container, or no more */
export function recordIfPresent(store: string, id: string): ContainerRecord | undefined {
  try {
    return readRecord(store, id);
  } catch (error) {
    // being made, or removed, this moment
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) return undefined;
    throw error;
  }
}

/** cgroups(7), cgroup.freeze */
export function isFrozen(cgroup: string): boolean {
  return readShortText(`${cgroup}/cgroup.freeze`)?.trim() === "1";
}

/** What was seen of a container, as far as it is asked for: a function looks when it is called. */
export interface Seen {
  readonly started: Started | undefined;
  /** Looked for after that: what ended meanwhile has both. */
  readonly exited: () => Exited | undefined;
  /** Whether somebody holds its lock. */
  readonly isHeld: () => boolean;
  /** Whether that process is there. */
  readonly isAlive: (started: Started) => boolean;
  /** Whether its cgroup is frozen. */
  readonly isFrozen: (cgroup: string) => boolean;
}

/** @param isHeld whether a monitor has its lock; for callers who know, among them those who have it themselves */
export function containerState(store: string, record: ContainerRecord, isHeld?: boolean): ContainerState {
  const folder = containerFolder(store, record.id);
  return judge(store, record, {
    isHeld: () => isHeld ?? isRunning(folder),
    started: readJSON<Started>(`${folder}/started.json`),
    exited: () => readJSON<Exited>(`${folder}/exited.json`),
    isAlive,
    isFrozen,
  });
}

/** The state of a container of which that was seen. */
export function judge(store: string, record: ContainerRecord, seen: Seen): ContainerState {
  const folder = containerFolder(store, record.id);
  const { started } = seen;
  let exited = seen.exited();
  const restarts =
    record.restart === undefined ? 0 : (readJSON<{ count: number }>(`${folder}/restarts.json`)?.count ?? 0);
  const nothing = { pid: 0, startTime: 0, startedAt: started?.startedAt, finishedAt: undefined, restarts };
  if (started !== undefined && exited === undefined) {
    const { pid, startTime, cgroup } = started;
    const now = { exitCode: 0, error: undefined, oomKilled: false, cgroup, health: healthOf(folder, record) };
    // a container that took away its own death signal may outlive its monitor
    if (seen.isAlive(started)) {
      const status = cgroup !== undefined && seen.isFrozen(cgroup) ? "paused" : "running";
      return { ...nothing, ...now, pid, startTime, status };
    }
    // until its monitor has noted how it ended, nobody can say it
    if (seen.isHeld()) return { ...nothing, ...now, status: "running" };
    // which it may have done since
    exited = seen.exited();
  }
  const ended = {
    ...nothing,
    exitCode: exited?.exitCode ?? (started === undefined ? 0 : 137),
    error: exited?.error,
    oomKilled: exited?.oomKilled === true,
    finishedAt: exited?.finishedAt,
    cgroup: undefined,
    health: undefined,
  };
  if (exited !== undefined && record.restart !== undefined && exists(`${folder}/restarts.json`) && seen.isHeld())
    return { ...ended, status: "restarting" };
  if (started === undefined && exited === undefined) return { ...ended, status: "created" };
  return { ...ended, status: "exited" };
}

function healthOf(folder: string, record: ContainerRecord): ContainerState["health"] {
  if (!record.healthcheck) return undefined;
  return readJSON<{ status: "starting" | "healthy" | "unhealthy" }>(`${folder}/health.json`)?.status ?? "starting";
}
