/** `checkpoint`: CRIU writes what a container's processes are to a folder. criu(8) */
import { TsboxError } from "../../error.ts";
import { exists } from "../../linux/read-text.ts";
import { statPath } from "../../linux/stat.ts";
import { makeFolders, writeText } from "../../linux/write-text.ts";
import { DESCRIPTORS_FILE, outerFiles, standardStreams } from "./criu/descriptors.ts";
import { externalMounts, mountsOf } from "./criu/mounts.ts";
import { type CriuOptions, commonFlags, findCriu, runCriu } from "./criu/program.ts";
import { type CheckpointRecord, JOINED, RECORD_FILE } from "./criu/record.ts";
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
  const { root, id, imagePath, workPath = imagePath } = options;
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  if (status !== "running")
    throw new TsboxError("busy", `cannot checkpoint container "${id}": container not running: it is ${status}`);
  const program = findCriu("checkpoint");
  for (const folder of [imagePath, workPath]) makeFolders(folder, 0o700);
  const flags = [...commonFlags(options), ...memoryFlags(options)];
  const run = { verb: `checkpoint container "${id}"`, program, log: `${workPath}/dump.log`, descriptors: [] };
  const tree = ["--tree", String(record.pid), "--log-file", "dump.log"];
  if (options.preDump) {
    await runCriu({ ...run, args: ["pre-dump", ...tree, ...flags] });
    return;
  }
  const streams = standardStreams(record.pid);
  const inside = mountsOf(record.pid);
  const mounts = externalMounts(inside, mountsOf("self"));
  const files = outerFiles(record.pid, streams, inside);
  const namespaces = joinedNamespaces(record);
  const external = [
    ...mounts.map(({ place }) => `mnt[${place}]:${place}`),
    ...files.filter((name) => name !== undefined),
    ...namespaces.map(({ type, inode }) => `${type}[${inode}]:${JOINED[type]}`),
  ];
  const checkpoint: CheckpointRecord = { mounts, files: files.map((name) => name ?? null) };
  writeText(`${imagePath}/${RECORD_FILE}`, JSON.stringify(checkpoint));
  writeText(`${imagePath}/${DESCRIPTORS_FILE}`, JSON.stringify(streams));
  const cgroup = record.cgroup?.path;
  await runCriu({
    ...run,
    args: [
      ...["dump", ...tree, ...flags, "--root", record.rootfs],
      ...external.flatMap((name) => ["--external", name]),
      ...(cgroup !== undefined && exists(`${cgroup}/cgroup.freeze`) ? ["--freeze-cgroup", cgroup] : []),
      ...(options.leaveRunning ? ["--leave-running"] : []),
    ],
  });
  if (!options.leaveRunning) await removeLeftovers(root, record, options.warn);
}

/** @throws TsboxError `usage`, `not-found` */
function memoryFlags({ imagePath, parentPath, preDump, pageServer }: CheckpointOptions): string[] {
  const flags: string[] = preDump || parentPath !== undefined ? ["--track-mem"] : [];
  if (parentPath !== undefined) {
    if (parentPath.startsWith("/"))
      throw new TsboxError(
        "usage",
        `cannot use --parent-path ${parentPath}: it is taken from --image-path, so ../NAME`,
      );
    if (!exists(`${imagePath}/${parentPath}`))
      throw new TsboxError(
        "not-found",
        `cannot use --parent-path ${parentPath}: there is no ${imagePath}/${parentPath}`,
      );
    flags.push("--prev-images-dir", parentPath);
  }
  if (pageServer !== undefined) {
    const [, address, port] = /^(.+):(\d+)$/.exec(pageServer) ?? [];
    if (address === undefined || port === undefined)
      throw new TsboxError("usage", `cannot use --page-server ${pageServer}: it is ADDRESS:PORT`);
    flags.push("--page-server", "--address", address, "--port", port);
  }
  return flags;
}

/** Those that somebody else made, and that must be there again at restore. */
function joinedNamespaces({ config }: StateRecord) {
  return (config.linux?.namespaces ?? []).flatMap(({ type, path }) => {
    if (!path || (type !== "network" && type !== "pid")) return [];
    return [{ type: type === "network" ? ("net" as const) : ("pid" as const), inode: statPath(path).ino }];
  });
}
