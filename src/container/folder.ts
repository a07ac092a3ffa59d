/**
 * A container on disk: `containers/<id>/` in the store.
 *
 *     container.json   the record below: what listings show, and which layers it needs, so that garbage collection keeps them
 *     options.json     everything that starting it again takes (`options-file.ts`)
 *     config.json      the bundle's configuration, of its last start
 *     cgroup           absolute path of its own cgroup, of its last start, where it has one
 *     started.json     written when the program runs: its pid, its start time, the time of day
 *     exited.json      written when it has ended: status and time. Neither: it was never started
 *     lock             held (flock) by the supervisor or monitor for as long as the container runs
 *     stop-asked       there while somebody wants it to end: no restart then
 *     restarts.json    of a restart policy
 *     ports.json       the published ports as they were bound, of its last start (`ports.ts`)
 *     sockets          where slirp4netns listens, of its last start, where ports are published so
 *     changes.lock     held (flock) for the moment in which `rename` or `update` rewrite the above
 *     attach           the monitor's socket
 *     log/             what the program wrote, unless another log driver takes it
 *     upper, work, merged   of an overlay; or rootfs, with the copy driver
 *     resolv.conf, hosts, hostname
 *
 * `containers/names/<name>` is a link to the id (`names.ts`).
 */
import { AT_FDCWD, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_CLOEXEC, O_CREAT, O_RDWR, SYS } from "../linux/abi.gen.ts";
import { check, E, SyscallError } from "../linux/errno.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { makeFolder, makeFolders } from "../linux/write-text.ts";
import type { PublishedPort } from "../network/index.ts";
import type { OwnedVolumes } from "../runtime/index.ts";
import type { ContainerNeeds } from "../store/index.ts";

export interface RestartPolicy {
  readonly name: "no" | "on-failure" | "always" | "unless-stopped";
  /** Of `on-failure`: how often at most; 0 is without limit. */
  readonly maximum: number;
}

/** What a container has mounted beside what all have: for listings, and so that volumes in use are kept. */
export interface RecordedMount {
  readonly type: "bind" | "volume" | "tmpfs" | "image";
  /** Of a volume or image. */
  readonly name?: string;
  /** Host path of a bind mount. */
  readonly source?: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** A volume that was made for this container, without a name of its own: `rm -v` removes it. */
  readonly anonymous?: boolean;
}

export interface ContainerRecord {
  readonly id: string;
  /** Absent only in records of tsbox 0.1. */
  readonly name: string | undefined;
  /** As it was named on the command line. */
  readonly image: string | undefined;
  /** `sha256:` and the digest of the image's configuration, as Docker counts ids. */
  readonly imageID?: string | undefined;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly command: readonly string[];
  /** Folder name of the id mapping. */
  readonly mapping: string;
  /** Removed when it ends, also when its supervisor could not do that. */
  readonly remove: boolean;
  readonly stopSignal: string;
  /** Seconds that `stop` waits before it kills. */
  readonly stopTimeout?: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports?: readonly PublishedPort[] | undefined;
  readonly mounts?: readonly RecordedMount[] | undefined;
  /** As it was asked for; absent: the default. */
  readonly network?: string | undefined;
  readonly restart?: RestartPolicy | undefined;
  readonly tty?: boolean | undefined;
  readonly interactive?: boolean | undefined;
  /** `none` also of containers that run in the foreground, whose output is their caller's. */
  readonly log?: "json-file" | "journald" | "none" | undefined;
  /** Id of its pod. */
  readonly pod?: string | undefined;
  readonly healthcheck?: boolean | undefined;
  /** Read by the store's garbage collection; absent without an image. */
  readonly needs: ContainerNeeds | undefined;
}

/** Whether it takes volumes along when it is removed. */
export function hasAnonymous({ mounts }: Pick<ContainerRecord, "mounts">): boolean {
  return mounts?.some(({ anonymous }) => anonymous) === true;
}

/** What native removes with a container that goes with its end. */
export function ownedVolumes(
  store: string,
  record: ContainerRecord,
  whole: readonly string[],
): OwnedVolumes | undefined {
  if (!record.remove || !hasAnonymous(record)) return undefined;
  const names = (record.mounts ?? []).flatMap(({ name, anonymous }) => (anonymous && name !== undefined ? name : []));
  return { folders: names.map((name) => `${store}/volumes/${name}`), whole };
}

export function containerFolder(store: string, id: string): string {
  return `${store}/containers/${id}`;
}

/** How often a lock is tried to be taken that others share, a millisecond after the other. */
const LOOKS = 100;

/** Takes the lock of a container that is to run. @returns its descriptor, which survives exec; undefined when it runs already */
export function takeLock(path: string): number | undefined {
  const lock = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(`${path}/lock`), O_RDWR), `${path}/lock`);
  for (let look = 0; look < LOOKS; look++) {
    if (syscall(SYS.flock, lock, LOCK_EX | LOCK_NB) === 0) return lock;
    // who only looks whether it is held (isRunning) shares it for a moment; who works on the container does not share it
    if (syscall(SYS.flock, lock, LOCK_SH | LOCK_NB) !== 0) break;
    syscall(SYS.flock, lock, LOCK_UN);
    Bun.sleepSync(1);
  }
  syscall(SYS.close, lock);
  return undefined;
}

/** The same of a container that may be gone. @returns -1 when there is no lock any more */
export function takeLockIfThere(path: string): number | undefined {
  try {
    return takeLock(path);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return -1;
    throw error;
  }
}

/** Makes the folder and takes its lock. @returns the lock's descriptor, which survives exec */
export function makeContainerFolder(store: string, id: string): { path: string; lock: number } {
  const path = containerFolder(store, id);
  makeFolders(`${store}/containers`, 0o700);
  makeFolder(path, 0o700);
  // locked before it has its name: whoever finds a lock that nobody holds, and no record, takes the folder for a leftover
  const made = `${path}/lock.new`;
  const lock = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(made), O_RDWR | O_CREAT, 0o600), made);
  check("flock", syscall(SYS.flock, lock, LOCK_EX | LOCK_NB), made);
  check("renameat2", syscall(SYS.renameat2, AT_FDCWD, cstring(made), AT_FDCWD, cstring(`${path}/lock`), 0), made);
  return { path, lock };
}

/** Whether a supervisor holds the container's lock. */
export function isRunning(path: string): boolean {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(`${path}/lock`), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const result = syscall(SYS.flock, fd, LOCK_SH | LOCK_NB);
  syscall(SYS.close, fd);
  return result === -E.EAGAIN;
}
