/**
 * What is kept of an OCI container between commands: `ROOT/<id>/` with
 *
 *     state.json   the record below; written first without a pid, and again (renamed into place) when the container is there
 *     start        a fifo on which a created container waits; whoever removes its name has the right to write to it
 *     report       what failed after `create` had returned (native/plan.h, report_to)
 *
 * Making the folder is what decides who gets an id.
 */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../../linux/abi.gen.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { isAlive, type ProcessName } from "../../linux/process.ts";
import { inUserNamespace } from "../../linux/process-state.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { type Stat, statPath } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { RuntimeConfig } from "../../oci/index.ts";
import type { CgroupManager, CgroupState } from "../cgroup/index.ts";

/** The name is that of the container's first process; zeros until that is there. */
export interface StateRecord extends ProcessName {
  readonly ociVersion: string;
  readonly id: string;
  /** Who makes it, and becomes native: ended by `delete --force` of a container that is not there yet. */
  readonly maker: ProcessName;
  /** Absolute. */
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  /** uid of who made it. */
  readonly owner: number;
  readonly cgroupManager: CgroupManager;
  readonly cgroup?: CgroupState | undefined;
  /** Where failures are told beside standard error. */
  readonly log?: LogTarget | undefined;
  /** Processes keep their caller's session keyring (`--no-new-keyring`). */
  readonly noNewKeyring?: boolean;
  readonly config: RuntimeConfig;
}

export interface LogTarget {
  readonly path: string | undefined;
  readonly format: "text" | "json";
  readonly level: string;
}

export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** runc's, without the two names that are not names; crun's advisory on `..` in ids. */
const ID = /^[\w+.-]+$/;
const ID_LIMIT = 1024;

/** inode(7) */
const S_ISVTX = 0o1000;
const S_IWOTH = 0o002;

/** @throws TsboxError `usage` */
export function checkId(id: string): void {
  if (ID.test(id) && id !== "." && id !== ".." && id.length <= ID_LIMIT) return;
  throw new TsboxError(
    "usage",
    `invalid container id ${JSON.stringify(id)}: it may have letters, digits, "_", "+", "-" and "."`,
  );
}

/**
 * Where states are kept when `--root` does not say: /run/tsbox for the host's root, the user's runtime folder for others and for
 * root of a user namespace, who cannot write to /run.
 */
export function defaultStateRoot(env: NodeJS.ProcessEnv): string {
  const uid = process.geteuid?.() ?? 0;
  const runtime = env.XDG_RUNTIME_DIR;
  if (uid === 0 && (!runtime || !inUserNamespace())) return "/run/tsbox";
  return runtime ? `${runtime}/tsbox` : `/tmp/tsbox-${uid}`;
}

/** The session keyring of a container's processes, which must not have their caller's keys; undefined when they keep it. */
export function keyringName({ id, noNewKeyring }: StateRecord): string | undefined {
  return noNewKeyring ? undefined : `_ses.${id}`;
}

export function stateFolder(root: string, id: string): string {
  return `${root}/${id}`;
}

/** Runtimes' callers look for these words. */
export function missing(id: string): TsboxError {
  return new TsboxError("not-found", `container "${id}" does not exist`);
}

/**
 * Opens the folder, for as long as this process lives: what is done by the path that this returns is done to this container's folder,
 * and not to that of another one which got the id since.
 *
 * @returns undefined when there is none
 */
export function holdStateFolder(root: string, id: string): string | undefined {
  const path = stateFolder(root, id);
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd === -E.ENOENT || fd === -E.ENOTDIR) return undefined;
  return `/proc/self/fd/${check("openat", fd, path)}`;
}

/**
 * Who else may write to a folder of states may have written the state that is found there, whose hooks are run, whose cgroup is removed
 * and whose process is killed; and in /tmp anybody may have made the folder.
 * @throws TsboxError `denied`; nothing when the folder is not there
 */
export function checkOwner(folder: string): void {
  let stat: Stat;
  try {
    stat = statPath(folder);
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) return;
    throw error;
  }
  const refuse = (reason: string) => new TsboxError("denied", `cannot use the states in ${folder}: ${reason}`);
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) throw refuse(`the folder belongs to user ${stat.uid}`);
  if ((stat.mode & S_ISVTX) === 0 && (stat.mode & S_IWOTH) !== 0) throw refuse("everybody may write to it");
}

/** @param folder as {@link holdStateFolder} has it. @throws TsboxError `not-found`, `invalid`, `denied` */
export function readRecord(root: string, id: string, folder = stateFolder(root, id)): StateRecord {
  checkId(id);
  checkOwner(root);
  checkOwner(folder);
  let text: string;
  try {
    text = readText(`${folder}/state.json`);
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) throw missing(id);
    throw error;
  }
  try {
    return JSON.parse(text) as StateRecord; // cast: written by tsbox, renamed into place whole
  } catch (cause) {
    throw new TsboxError(
      "invalid",
      `cannot read the state of container "${id}": ${stateFolder(root, id)}/state.json is not JSON`,
      {
        cause,
      },
    );
  }
}

/** `paused` is told by {@link fullStatusOf}, which looks at the cgroup. */
export function statusOf(root: string, record: StateRecord): Status {
  if (record.pid === 0) return "creating";
  if (!isAlive(record)) return "stopped";
  return exists(`${stateFolder(root, record.id)}/start`) ? "created" : "running";
}

export async function fullStatusOf(root: string, record: StateRecord): Promise<Status> {
  const status = statusOf(root, record);
  if (record.cgroup === undefined || (status !== "running" && status !== "created")) return status;
  const { isFrozen } = await import("../cgroup/index.ts");
  return isFrozen(record.cgroup) ? "paused" : status;
}

/** The ids in a state root; those whose folder has no record yet too. */
export function listIds(root: string): string[] {
  const fs = process.getBuiltinModule("node:fs");
  try {
    return fs
      .readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ID.test(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []; // cast: of node:fs
    throw error;
  }
}

const FILES = ["start", "report", "state.json", "state.json.new"] as const;

/** Removes a container's folder, its record last. A missing one is no failure. @param folder as {@link holdStateFolder} has it */
export function removeStateFolder(root: string, id: string, folder = stateFolder(root, id)): void {
  for (const name of FILES) syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  const path = stateFolder(root, id);
  const result = syscall(SYS.unlinkat, AT_FDCWD, cstring(path), AT_REMOVEDIR);
  // gone, and perhaps there is another one by that name
  if (result === -E.ENOENT || (result === -E.ENOTEMPTY && folder !== path)) return;
  check("unlinkat", result, path);
}
