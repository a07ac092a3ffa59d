/** `restore`: CRIU makes a container's processes anew from what `checkpoint` wrote. criu(8) */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, CLONE_NEWNS, MS_BIND, MS_PRIVATE, MS_REC, MS_SLAVE, O_CLOEXEC, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { sendDescriptors } from "../../linux/pass-descriptors.ts";
import { processName } from "../../linux/process.ts";
import { readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders, replaceFile } from "../../linux/write-text.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../../oci/index.ts";
import { CGROUP_MOUNT } from "../cgroup/files.ts";
import { type CgroupManager, prepareCgroup } from "../cgroup/index.ts";
import { hasHooks } from "../hooks.ts";
import { connectStream } from "./criu/console.ts";
import { makeMountPoints } from "./criu/mount-points.ts";
import { sourceAtRestore } from "./criu/mounts.ts";
import { encodeMessage } from "./criu/protobuf.ts";
import { type Checkpoint, JOINED, readCheckpoint } from "./criu/record.ts";
import { type CriuOptions, callCriu, FIRST_DESCRIPTOR, findCriu, REQUEST } from "./criu/service.ts";
import { discardContainer } from "./discard.ts";
import { cgroupRequest, newRecord, recordText } from "./new-record.ts";
import { checkId, checkOwner, type LogTarget, type StateRecord, stateFolder } from "./state-folder.ts";

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
  readonly log: LogTarget | undefined;
  readonly warn: (message: string) => void;
}

/**
 * @returns the exit status: of the container when it is waited for, else 0
 * @throws TsboxError; nothing of the container is left behind then
 */
export async function restoreContainer(options: RestoreOptions): Promise<number> {
  const { root, id, bundle, imagePath } = options;
  checkId(id);
  const program = findCriu("restore");
  const from = readCheckpoint(imagePath);
  const text = readText(`${bundle}/config.json`);
  const config = await parseRuntimeConfig(text, `${bundle}/config.json`);
  checkTerminal(config, options);
  const fresh = newRecord("restore", options, config);
  const folder = stateFolder(root, id);
  makeFolders(root, 0o700);
  checkOwner(root);
  if (!makeFolder(folder, 0o700)) throw new TsboxError("exists", `container with id "${id}" already exists`);
  let record: StateRecord = fresh;
  let restored: Restored;
  try {
    const save = () => replaceFile(`${folder}/state.json`, recordText(record, text), 0o600);
    save();
    const prepared = await prepareCgroup(cgroupRequest(record));
    record = { ...record, cgroup: prepared?.state };
    save();
    restored = await restore(options, record, program, from);
    if (prepared?.hold !== undefined) syscall(SYS.close, prepared.hold);
    record = { ...record, ...processName(restored.pid) };
    save();
    if (options.pidFile !== undefined) replaceFile(options.pidFile, String(restored.pid));
    if (hasHooks(config.hooks, "poststart"))
      await (await import("./run-hooks.ts")).runHooks(record, "poststart", "running", (error) =>
        options.warn(error.message),
      );
  } catch (error) {
    await discardContainer(root, record);
    throw error;
  }
  if (options.detach) return 0;
  return (await import("./criu/foreground.ts")).superviseRestored(root, record, restored);
}

/** Nobody holds the other end when tsbox goes away. @throws TsboxError `usage` */
function checkTerminal(config: RuntimeConfig, { detach, consoleSocket }: RestoreOptions): void {
  const terminal = config.process?.terminal === true;
  if (terminal && detach && consoleSocket === undefined)
    throw new TsboxError("usage", "cannot use process.terminal: with --detach it needs --console-socket");
  if (!terminal && consoleSocket !== undefined)
    throw new TsboxError("usage", "cannot use --console-socket: config.json does not ask for process.terminal");
}

export interface Restored {
  /** The first process, a child of this one. */
  readonly pid: number;
  /** The other end of its terminal, unless somebody else got that. */
  readonly terminal: number | undefined;
  /** The host's mount namespace, which this process has left. */
  readonly host: number;
}

async function restore(
  options: RestoreOptions,
  record: StateRecord,
  program: string,
  from: Checkpoint,
): Promise<Restored> {
  const { config, rootfs, bundle } = record;
  const opened: number[] = [];
  const inherit: Uint8Array[] = [];
  for (const [fd, link] of from.streams.entries()) {
    const key = link.startsWith("pipe:") ? link : from.checkpoint.files[fd];
    if (key) inherit.push(pair(key, fd));
  }
  for (const { type, path } of config.linux?.namespaces ?? []) {
    if (!path || (type !== "network" && type !== "pid")) continue;
    inherit.push(pair(type === "network" ? JOINED.net : JOINED.pid, FIRST_DESCRIPTOR + opened.length));
    opened.push(check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_CLOEXEC), path));
  }
  let terminal: number | undefined;
  const host = isolateRoot(rootfs);
  try {
    makeMountPoints(rootfs, from.checkpoint.points);
    const pid = await callCriu({
      type: REQUEST.restore,
      verb: `restore container "${record.id}"`,
      program,
      options,
      logName: "restore.log",
      streams: true,
      more: opened,
      onStep: async (step, first, fd) => {
        if (step === "orphan-pts-master" && fd !== undefined) terminal = handOver(fd, options.consoleSocket);
        else if (fd !== undefined) syscall(SYS.close, fd);
        if (step === "setup-namespaces") await runCreationHooks({ ...record, pid: first });
      },
      fields: [
        [13, rootfs],
        [25, cgroupRoot(record)],
        [26, true],
        [27, inherit],
        [37, from.checkpoint.mounts.map((mount) => `mnt[${mount.place}]:${sourceAtRestore(mount, config, bundle)}`)],
        [53, options.lsmProfile],
        [63, options.lsmMountContext],
      ],
    });
    return { pid, terminal, host };
  } finally {
    for (const fd of opened) syscall(SYS.close, fd);
  }
}

/** inherit_fd of rpc.proto. */
const pair = (key: string, fd: number): Uint8Array =>
  encodeMessage([
    [1, key],
    [2, fd],
  ]);

/** @returns the terminal when it was not for somebody else. @throws SyscallError */
function handOver(terminal: number, socketPath: string | undefined): number | undefined {
  if (socketPath === undefined) return terminal;
  const socket = connectStream(socketPath);
  try {
    sendDescriptors(socket, [terminal]);
  } finally {
    for (const fd of [socket, terminal]) syscall(SYS.close, fd);
  }
  return undefined;
}

/** Those that prepare namespaces, such as a caller's network. */
async function runCreationHooks(record: StateRecord): Promise<void> {
  for (const kind of ["prestart", "createRuntime"] as const) {
    if (!hasHooks(record.config.hooks, kind)) continue;
    await (await import("./run-hooks.ts")).runHooks(record, kind, "creating", (error) => {
      throw error;
    });
  }
}

/** Where the first process was in its cgroups becomes the cgroup that was made for it now. */
function cgroupRoot({ cgroup }: StateRecord): Uint8Array | undefined {
  return cgroup === undefined ? undefined : encodeMessage([[2, cgroup.path.slice(CGROUP_MOUNT.length)]]);
}

/**
 * CRIU wants the root to be a mount of its own below one that is not shared. It is so in a mount namespace that only this process
 * and CRIU see, so that the host's stays as it is and nothing is left to be cleaned up.
 * @returns the host's mount namespace, closed on exec; Bun's threads share too much for going back to it from here: setns(2)
 */
function isolateRoot(rootfs: string): number {
  const own = "/proc/thread-self/ns/mnt";
  const host = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(own), O_CLOEXEC), own);
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
  return host;
}
