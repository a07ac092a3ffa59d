/**
 * A pod on disk: `pods/<id>/` in the store.
 *
 *     pod.json        the record below
 *     files/          what ConfigMaps of `kube play` have in them
 *     lock            held for the moment by whoever makes the pod, adds a container to it, starts its holder, or removes it
 *     removing        there while somebody removes it; means something only while the lock is held
 *     running         held (flock) by the holder and all that it started, for as long as any of them is there
 *     hub             the holder's socket, where its members connect (`native/hub.c`)
 *     started.json    written by the holder: the process in the pod's namespaces, its start time, the holder itself
 *     ports.json      with the ports that the host has chosen, of its last start
 *     resolv.conf, hosts, hostname   of its last start, shared by its containers
 *
 * `pods/names/<name>` is a link to the id (`../names.ts`).
 */
import { TsboxError } from "../../error.ts";
import { listFolder } from "../../linux/directory.ts";
import { E, SyscallError } from "../../linux/errno.ts";
import { type FileLock, tryLockFile } from "../../linux/lock.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { makeFolder, makeFolders } from "../../linux/write-text.ts";
import type { DNSOptions, ExtraHost, NetworkMode, PublishedPort } from "../../network/index.ts";
import { isName, nameOwner } from "../names.ts";

/** Namespaces that the containers of a pod can have in common. */
export type SharedNamespace = "net" | "ipc" | "uts" | "pid";

/** Docker's size of /dev/shm, in bytes. */
export const DEFAULT_SHM = 64 * 2 ** 20;

export interface PodRecord {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly share: readonly SharedNamespace[];
  readonly hostname: string;
  /** Absent: pasta, else slirp4netns, else the host's. */
  readonly network: NetworkMode | undefined;
  /** `--network` as it was given. */
  readonly networkName: string | undefined;
  readonly ports: readonly PublishedPort[];
  readonly dns: DNSOptions;
  readonly addHosts: readonly ExtraHost[];
  /** Bytes of the /dev/shm that is shared with the ipc namespace; absent: {@link DEFAULT_SHM}. */
  readonly shmSize?: number | undefined;
  /** Folder name of the id mapping that all its containers have. */
  readonly mapping: string;
  /** Set by `kube play`: what the YAML says. */
  readonly restartPolicy?: "Always" | "OnFailure" | "Never" | undefined;
  /** Ids of containers that run to their end before the others start, in that order. */
  readonly init?: readonly string[] | undefined;
}

const ID = /^[0-9a-f]{64}$/;

export function podFolder(store: string, id: string): string {
  return `${store}/pods/${id}`;
}

/** Makes `pods/` where it is missing. @returns the folder */
export function makePodFolder(store: string, id: string): string {
  makeFolders(`${store}/pods`, 0o700);
  const folder = podFolder(store, id);
  makeFolder(folder, 0o700);
  return folder;
}

/** @returns undefined when there is no such pod, or no more */
export function readPod(store: string, id: string): PodRecord | undefined {
  try {
    return JSON.parse(readText(`${podFolder(store, id)}/pod.json`)) as PodRecord; // cast: only tsbox writes it, and renames it into place
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) return undefined;
    throw error;
  }
}

/** @returns undefined when no pod has that name */
export function podNamed(store: string, name: string): PodRecord | undefined {
  const owner = nameOwner(store, "pods", name);
  return owner === undefined ? undefined : readPod(store, owner);
}

function podIDs(store: string): string[] {
  const folder = `${store}/pods`;
  return exists(folder) ? listFolder(folder).flatMap(({ name }) => (ID.test(name) ? [name] : [])) : [];
}

/** The newest first. */
export function listPods(store: string): PodRecord[] {
  return podIDs(store)
    .flatMap((id) => readPod(store, id) ?? [])
    .sort((a, b) => b.created - a.created);
}

/**
 * By id, name, or the beginning of an id.
 * @throws TsboxError `not-found`; `usage` when several ids begin so
 */
export function findPod(store: string, text: string): PodRecord {
  const whole = ID.test(text) ? readPod(store, text) : undefined;
  if (whole !== undefined) return whole;
  const named = isName(text) ? podNamed(store, text) : undefined;
  if (named !== undefined) return named;
  const found = /^[0-9a-f]+$/.test(text) ? podIDs(store).filter((id) => id.startsWith(text)) : [];
  if (found.length > 1)
    throw new TsboxError("usage", `cannot find pod ${text}: ${found.length} ids begin so; give more of it`);
  const [only] = found;
  const pod = only === undefined ? undefined : readPod(store, only);
  if (pod !== undefined) return pod;
  throw new TsboxError(
    "not-found",
    `cannot find pod ${JSON.stringify(text)}: there is none of that name or id; tsbox pod ls lists all`,
  );
}

/** Milliseconds that somebody else may hold a pod's lock: less than `stop` waits for a monitor, which may wait here. */
const PATIENCE = 5000;

/** @throws TsboxError `not-found` when the pod was removed, `busy` when somebody else works on it for long */
export async function lockPod(store: string, { id, name }: PodRecord): Promise<FileLock> {
  const path = `${podFolder(store, id)}/lock`;
  for (const deadline = Date.now() + PATIENCE; ; await Bun.sleep(5)) {
    const lock = lockIfPresent(path);
    if (lock === "gone" || (lock !== undefined && readPod(store, id) === undefined)) {
      if (typeof lock !== "string") lock?.[Symbol.dispose]();
      throw new TsboxError("not-found", `cannot find pod ${name}: it was removed`);
    }
    if (lock !== undefined) return lock;
    // who waits here may be what the removal waits for
    if (exists(`${podFolder(store, id)}/removing`))
      throw new TsboxError("busy", `cannot use pod ${name}: it is being removed`);
    if (Date.now() > deadline) throw new TsboxError("busy", `cannot use pod ${name}: another tsbox works on it`);
  }
}

/** @returns undefined when somebody else holds it, `gone` when there is no such file. @throws SyscallError */
export function lockIfPresent(path: string): FileLock | "gone" | undefined {
  try {
    return tryLockFile(path, { mode: "exclusive", create: false });
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return "gone";
    throw error;
  }
}
