/** A container's root as a worker gets it: by a process of the container while it runs, mounted for the worker alone otherwise. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import { AT_FDCWD, LOCK_EX, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { tryLockFile } from "../../linux/lock.ts";
import { isAlive, type ProcessName } from "../../linux/process.ts";
import { exists } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { mountPoint, type RootSource } from "../../rootfs/index.ts";
import { containerRoot } from "../container-root.ts";
import { containerFolder } from "../folder.ts";
import type { StoppedRoot } from "../start-files-worker.ts";
import { containerState, readRecord } from "../state.ts";
import { ownMounts } from "./own-mounts.ts";
import type { RootName } from "./place.ts";

export interface OpenedRoot extends Disposable {
  readonly mapping: IdMapping;
  /** As the worker sees it. */
  readonly name: RootName;
  readonly rootFd: number | undefined;
  readonly mount: StoppedRoot | undefined;
}

/** A container may start or end between looking and opening. */
const ATTEMPTS = 50;
const PAUSE = 20;

/**
 * Until it is disposed, a container that does not run is not started, nor copied to by another command: its upper folder
 * is mounted once at a time.
 * @throws TsboxError `busy`
 */
export async function openContainerRoot(store: string, id: string): Promise<OpenedRoot> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const opened = await openOnce(store, id);
    if (opened !== undefined) return opened;
    await Bun.sleep(PAUSE);
  }
  throw new TsboxError("busy", `cannot open the files of container ${id.slice(0, 12)}: it is being started or ended`);
}

async function openOnce(store: string, id: string): Promise<OpenedRoot | undefined> {
  const record = readRecord(store, id);
  const root = containerRoot(store, record);
  const state = containerState(store, record);
  if (state.pid > 0) {
    const fd = openProcessRoot(state);
    if (fd === undefined) return undefined;
    const close = () => void syscall(SYS.close, fd);
    return { mapping: root.mapping, name: { fd: 3 }, rootFd: fd, mount: undefined, [Symbol.dispose]: close };
  }
  const folder = containerFolder(store, id);
  using opened = new DisposableStack();
  const lock = tryLockFile(`${folder}/lock`, { mode: "shared", create: false });
  if (lock === undefined) return undefined;
  opened.use(lock);
  opened.use(lockFolder(folder));
  const mounts = await ownMounts(store, root.saved, exists(`${folder}/started.json`));
  const kept = opened.move();
  const source: RootSource = root.mount ?? { kind: "folder", path: root.top };
  return {
    mapping: root.mapping,
    name: { folder: mountPoint(source) },
    rootFd: undefined,
    mount: { source, mounts },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/**
 * The root of a process that is told by its start time too. All mounts of its mount namespace are seen from there, and nothing of this
 * process enters that namespace. proc(5), /proc/PID/root
 */
function openProcessRoot(process: ProcessName): number | undefined {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const folder = syscall(SYS.openat, AT_FDCWD, cstring(`/proc/${process.pid}`), flags);
  if (folder < 0) return undefined;
  try {
    // the open folder is that process's for ever, and it was there when it was opened
    if (!isAlive(process)) return undefined;
    const fd = syscall(SYS.openat, folder, cstring("root"), flags);
    if (fd === -E.ENOENT || fd === -E.ESRCH) return undefined;
    return check("openat", fd, `/proc/${process.pid}/root`);
  } finally {
    syscall(SYS.close, folder);
  }
}

/** Others who copy wait for it. */
function lockFolder(path: string): Disposable {
  const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  let result: number;
  do result = syscall(SYS.flock, fd, LOCK_EX);
  while (result === -E.EINTR);
  if (result < 0) {
    syscall(SYS.close, fd);
    check("flock", result, path);
  }
  return { [Symbol.dispose]: () => void syscall(SYS.close, fd) };
}
