/** `restore`: CRIU makes a container's processes anew from what `checkpoint` wrote. criu(8) */
import { TsboxError } from "../../error.ts";
import {
  AT_FDCWD,
  CLONE_NEWNS,
  MS_BIND,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
  O_CLOEXEC,
  PR_SET_CHILD_SUBREAPER,
  SYS,
} from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { inUserNamespace } from "../../linux/process-state.ts";
import { readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders, replaceFile } from "../../linux/write-text.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../../oci/index.ts";
import { CGROUP_MOUNT } from "../cgroup/files.ts";
import { type CgroupManager, prepareCgroup } from "../cgroup/index.ts";
import { hasHooks } from "../hooks.ts";
import { sourceAtRestore } from "./criu/mounts.ts";
import { type CriuOptions, commonFlags, findCriu, runCriu } from "./criu/program.ts";
import { type Checkpoint, JOINED, readCheckpoint } from "./criu/record.ts";
import { discardContainer } from "./discard.ts";
import { type LogTarget, processName, type StateRecord, stateFolder, thisProcess } from "./state-folder.ts";

export interface RestoreOptions extends CriuOptions {
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly cgroupManager: CgroupManager;
  readonly pidFile: string | undefined;
  /** Receives the terminal of a container that has one. */
  readonly consoleSocket: string | undefined;
  /** `TYPE:NAME` */
  readonly lsmProfile: string | undefined;
  readonly lsmMountContext: string | undefined;
  readonly detach: boolean;
  readonly noSubreaper: boolean;
  readonly log: LogTarget | undefined;
  readonly warn: (message: string) => void;
}

/**
 * @returns the exit status: of the container when it is waited for, else 0
 * @throws TsboxError; nothing of the container is left behind then
 */
export async function restoreContainer(options: RestoreOptions): Promise<number> {
  const { root, id, bundle, imagePath } = options;
  const program = findCriu("restore");
  const from = readCheckpoint(imagePath);
  const text = readText(`${bundle}/config.json`);
  const config = await parseRuntimeConfig(text, `${bundle}/config.json`);
  const fresh = newRecord(options, config);
  const folder = stateFolder(root, id);
  makeFolders(root, 0o700);
  if (!makeFolder(folder, 0o700)) throw new TsboxError("exists", `container with id "${id}" already exists`);
  let record: StateRecord = fresh;
  try {
    const save = () => replaceFile(`${folder}/state.json`, recordText(record, text), 0o600);
    save();
    const prepared = await prepareCgroup(cgroupRequest(record));
    record = { ...record, cgroup: prepared?.state };
    save();
    if (!options.detach && !options.noSubreaper) check("prctl", syscall(SYS.prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    const pid = await restore(options, record, program, from);
    if (prepared?.hold !== undefined) syscall(SYS.close, prepared.hold);
    record = { ...record, ...processName(pid) };
    save();
    if (options.pidFile !== undefined) replaceFile(options.pidFile, String(pid));
    if (hasHooks(config.hooks, "poststart"))
      await (await import("./run-hooks.ts")).runHooks(record, "poststart", "running", (error) =>
        options.warn(error.message),
      );
  } catch (error) {
    await discardContainer(root, record);
    throw error;
  }
  if (options.detach) return 0;
  const { awaitRestored } = await import("./criu/await.ts");
  return await awaitRestored(root, record, options.warn);
}

/** Once more as text: config.json stays as it was written. */
function recordText({ config: _, ...rest }: StateRecord, configText: string): string {
  return `${JSON.stringify(rest).slice(0, -1)},"config":${configText}}`;
}

function newRecord(options: RestoreOptions, config: RuntimeConfig): StateRecord {
  const path = config.root?.path;
  if (path === undefined || path === "")
    throw new TsboxError("invalid", "cannot restore: config.json has no root.path");
  return {
    ociVersion: config.ociVersion,
    id: options.id,
    pid: 0,
    startTime: 0,
    maker: thisProcess(),
    bundle: options.bundle,
    rootfs: path.startsWith("/") ? path : `${options.bundle}/${path}`,
    created: new Date().toISOString(),
    owner: process.geteuid?.() ?? 0,
    cgroupManager: options.cgroupManager,
    log: options.log,
    config,
  };
}

function cgroupRequest({ id, config, cgroupManager, owner }: StateRecord) {
  return {
    id,
    cgroupsPath: config.linux?.cgroupsPath,
    resources: config.linux?.resources,
    manager: cgroupManager,
    rootless: owner !== 0 || inUserNamespace(),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
  };
}

/** @returns the pid of the first process */
async function restore(
  options: RestoreOptions,
  record: StateRecord,
  program: string,
  from: Checkpoint,
): Promise<number> {
  const { id, imagePath, workPath = imagePath, bundle } = options;
  const { config, rootfs } = record;
  makeFolders(workPath, 0o700);
  isolateRoot(rootfs);
  const pidFile = `${stateFolder(options.root, id)}/criu.pid`;
  const descriptors: number[] = [0, 1, 2];
  const inherited = (fd: number, key: string) => ["--inherit-fd", `fd[${fd}]:${key}`];
  const streams = from.streams.flatMap((link, fd) => {
    const key = link.startsWith("pipe:") ? link : from.checkpoint.files[fd];
    return key ? inherited(fd, key) : [];
  });
  const namespaces = (config.linux?.namespaces ?? []).flatMap(({ type, path }) => {
    if (!path || (type !== "network" && type !== "pid")) return [];
    descriptors.push(check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_CLOEXEC), path));
    return inherited(descriptors.length - 1, type === "network" ? JOINED.net : JOINED.pid);
  });
  const mounts = from.checkpoint.mounts.flatMap((mount) => [
    "--external",
    `mnt[${mount.place}]:${sourceAtRestore(mount, config, bundle)}`,
  ]);
  try {
    await runCriu({
      verb: `restore container "${id}"`,
      program,
      log: `${workPath}/restore.log`,
      descriptors,
      args: [
        ...["restore", "--restore-detached", "--pidfile", pidFile, "--root", rootfs, "--log-file", "restore.log"],
        ...[...commonFlags(options), ...mounts, ...streams, ...namespaces, ...cgroupFlags(record)],
        ...(options.lsmProfile === undefined ? [] : ["--lsm-profile", options.lsmProfile]),
        ...(options.lsmMountContext === undefined ? [] : ["--lsm-mount-context", options.lsmMountContext]),
      ],
    });
    return Number(readText(pidFile));
  } finally {
    syscall(SYS.unlinkat, AT_FDCWD, cstring(pidFile), 0);
    for (const fd of descriptors.slice(3)) syscall(SYS.close, fd);
  }
}

/** Where the first process was in its cgroups becomes the cgroup that was made for it now. */
function cgroupFlags({ cgroup }: StateRecord): string[] {
  return cgroup === undefined ? [] : ["--cgroup-root", cgroup.path.slice(CGROUP_MOUNT.length)];
}

/**
 * CRIU wants the root to be a mount of its own below one that is not shared. It is so in a mount namespace that only this process
 * and CRIU see, so that the host's stays as it is and nothing is left to be cleaned up.
 */
function isolateRoot(rootfs: string): void {
  check("unshare", syscall(SYS.unshare, CLONE_NEWNS));
  const mount = (source: string | null, target: string, flags: number) =>
    check(
      "mount",
      syscall(SYS.mount, source === null ? null : cstring(source), cstring(target), null, flags, null),
      target,
    );
  mount(null, "/", MS_REC | MS_SLAVE);
  mount(rootfs, rootfs, MS_BIND | MS_REC);
  mount(null, rootfs, MS_PRIVATE | MS_REC);
}
