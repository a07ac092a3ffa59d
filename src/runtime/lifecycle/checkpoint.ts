/** `checkpoint`: CRIU writes what a container's processes are to a folder. criu(8) */
import { TsboxError } from "../../error.ts";
import { exists } from "../../linux/read-text.ts";
import { statPath } from "../../linux/stat.ts";
import { makeFolders, writeText } from "../../linux/write-text.ts";
import { clearDeathSignal, innerPid } from "./criu/death-signal.ts";
import { DESCRIPTORS_FILE, outerFiles, standardStreams } from "./criu/descriptors.ts";
import { externalMounts, mountPoints, mountsOf } from "./criu/mounts.ts";
import { encodeMessage } from "./criu/protobuf.ts";
import { type CheckpointRecord, JOINED, RECORD_FILE } from "./criu/record.ts";
import { type CriuOptions, callCriu, type Fields, findCriu, REQUEST } from "./criu/service.ts";
import { removeLeftovers } from "./discard.ts";
import { fullStatusOf, readRecord, type StateRecord } from "./state-folder.ts";

export interface CheckpointOptions extends CriuOptions {
  readonly root: string;
  readonly id: string;
  /** The container goes on. */
  readonly leaveRunning: boolean;
  /** Only memory, for a checkpoint that follows; the container goes on. */
  readonly preDump: boolean;
  /** Folder of an earlier one, relative to that of the images. */
  readonly parentPath: string | undefined;
  /** `ADDRESS:PORT` of a page server. */
  readonly pageServer: string | undefined;
  readonly warn: (message: string) => void;
}

/**
 * Unless it goes on, nothing of the container is left but the images, so that it can be restored under its name.
 *
 * @throws TsboxError; the container goes on then
 */
export async function checkpointContainer(options: CheckpointOptions): Promise<void> {
  const { root, id, imagePath } = options;
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  if (status !== "running")
    throw new TsboxError("busy", `cannot checkpoint container "${id}": container not running: it is ${status}`);
  const program = findCriu("checkpoint");
  const call = { verb: `checkpoint container "${id}"`, program, options, logName: "dump.log" } as const;
  makeFolders(imagePath, 0o700);
  const fields: Fields = [[2, record.pid], ...memoryFields(options)];
  if (options.preDump) {
    await callCriu({ ...call, type: REQUEST.preDump, fields });
    return;
  }
  const streams = standardStreams(record.pid);
  const inside = mountsOf(record.pid);
  const mounts = externalMounts(inside, mountsOf("self"));
  const files = outerFiles(record.pid, streams, inside);
  const checkpoint: CheckpointRecord = {
    mounts,
    points: mountPoints(record.pid, inside),
    files: files.map((name) => name ?? null),
  };
  writeText(`${imagePath}/${RECORD_FILE}`, JSON.stringify(checkpoint));
  writeText(`${imagePath}/${DESCRIPTORS_FILE}`, JSON.stringify(streams));
  const external = [
    ...mounts.map(({ place }) => `mnt[${place}]:${place}`),
    ...files.filter((name) => name !== undefined),
    ...joinedNamespaces(record).map(({ type, inode }) => `${type}[${inode}]:${JOINED[type]}`),
  ];
  const cgroup = record.cgroup?.path;
  const first = innerPid(record.pid);
  await callCriu({
    ...call,
    type: REQUEST.dump,
    fields: [
      ...fields,
      [3, options.leaveRunning],
      [13, record.rootfs],
      [37, external],
      [44, cgroup !== undefined && exists(`${cgroup}/cgroup.freeze`) ? cgroup : undefined],
    ],
  });
  clearDeathSignal(`${imagePath}/core-${first}.img`);
  if (!options.leaveRunning) await removeLeftovers(root, record, options.warn);
}

/** @throws TsboxError `usage`, `not-found` */
function memoryFields({ imagePath, parentPath, preDump, pageServer }: CheckpointOptions): Fields {
  if (parentPath?.startsWith("/"))
    throw new TsboxError("usage", `cannot use --parent-path ${parentPath}: it is taken from --image-path, so ../NAME`);
  if (parentPath !== undefined && !exists(`${imagePath}/${parentPath}`))
    throw new TsboxError("not-found", `cannot use --parent-path ${parentPath}: there is no ${imagePath}/${parentPath}`);
  const [, address, port] = /^(.+):(\d+)$/.exec(pageServer ?? "") ?? [];
  if (pageServer !== undefined && (address === undefined || port === undefined))
    throw new TsboxError("usage", `cannot use --page-server ${pageServer}: it is ADDRESS:PORT`);
  const server =
    address === undefined
      ? undefined
      : encodeMessage([
          [1, address],
          [2, Number(port)],
        ]);
  return [
    [11, server],
    [14, parentPath],
    [15, preDump || parentPath !== undefined],
  ];
}

/** Those that somebody else made, and that must be there again at restore. */
function joinedNamespaces({ config }: StateRecord) {
  return (config.linux?.namespaces ?? []).flatMap(({ type, path }) => {
    if (!path || (type !== "network" && type !== "pid")) return [];
    return [{ type: type === "network" ? ("net" as const) : ("pid" as const), inode: statPath(path).ino }];
  });
}
