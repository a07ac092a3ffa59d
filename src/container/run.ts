/** `tsbox run`: from an image and options to a running program. */
import { TsboxError } from "../error.ts";
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import type { OnPullEvent } from "../image/index.ts";
import { CGROUP2_SUPER_MAGIC } from "../linux/abi.gen.ts";
import { randomHex } from "../linux/random.ts";
import { statPath } from "../linux/stat.ts";
import { statfs } from "../linux/statfs.ts";
import { isTerminal } from "../linux/terminal.ts";
import { writeText } from "../linux/write-text.ts";
import type { ContainerDefaults } from "../oci/index.ts";
import { becomeNative, printPlan, selfCommand } from "../plan/index.ts";
import { mountPoint, type RootSource } from "../rootfs/index.ts";
import { compileForeground } from "../runtime/index.ts";
import { openStore } from "../store/index.ts";
import { type ContainerRecord, checkName, claimName, makeContainerFolder } from "./folder.ts";
import { type PreparedImage, prepareImage } from "./image.ts";
import { readImageFile } from "./image-files.ts";
import { prepareNetwork } from "./network.ts";
import { privilegedDevices } from "./privileged.ts";
import { chooseDriver, prepareRoot } from "./root.ts";
import { chooseSeccomp, configText } from "./seccomp.ts";
import { buildSpec, commandLine } from "./spec/build.ts";
import type { RunOptions } from "./spec/options.ts";

export interface RunMode {
  /** Print the plan and run nothing. */
  readonly explain: boolean;
  /** Told what happens while the image is pulled. */
  readonly onEvent?: OnPullEvent;
}

/**
 * Runs the container in the foreground. When it starts, this process has become its supervisor and ends as the program does.
 *
 * @returns the exit status, only with `explain`
 * @throws TsboxError; nothing of the container is left behind then
 */
export async function runContainer(options: RunOptions, mode: RunMode): Promise<number> {
  checkTerminal(options, mode);
  if (options.name !== undefined) checkName(options.name);
  checkSources(options);
  const store = openStore().root;
  const { mapping } = chooseMapping(options.userns);
  const image = options.image === undefined ? undefined : await prepareImage(options, mapping, mode.onEvent);
  const defaults = image?.defaults ?? {};
  const id = randomHex(32);
  const { path: folder, lock } = makeContainerFolder(store, id);
  try {
    const plan = await preparePlan({
      options,
      mapping,
      store,
      id,
      folder,
      lock,
      image,
      defaults,
      explain: mode.explain,
    });
    if (!mode.explain) becomeNative(plan);
    await Bun.write(Bun.stdout, await printPlan(plan));
    await discard(store, id);
    return 0;
  } catch (error) {
    await discard(store, id);
    throw error;
  }
}

async function discard(store: string, id: string): Promise<void> {
  const { removeContainerFolder } = await import("./remove.ts");
  await removeContainerFolder(store, id);
}

/** As Docker: a terminal that is asked for on a pipe is a mistake, which would show late and strangely. */
function checkTerminal(options: RunOptions, mode: RunMode): void {
  if (mode.explain || !options.tty) return;
  if (options.interactive && !isTerminal(0))
    throw new TsboxError(
      "usage",
      "cannot use -t: the input device is not a terminal; leave -t out when input is a pipe or file",
    );
  if (!isTerminal(0) && !isTerminal(1))
    throw new TsboxError("usage", "cannot use -t: neither input nor output is a terminal");
}

/** Bind sources are looked at before anything is fetched or made. */
function checkSources({ mounts }: RunOptions): void {
  for (const { type, source, flag } of mounts) {
    if (type !== "bind" || source === undefined) continue;
    try {
      statPath(source);
    } catch (cause) {
      throw new TsboxError("not-found", `cannot use ${flag}: ${source}: no such file or folder on the host`, { cause });
    }
  }
}

interface Preparation {
  readonly options: RunOptions;
  readonly mapping: IdMapping;
  readonly store: string;
  readonly id: string;
  readonly folder: string;
  readonly lock: number;
  readonly image: PreparedImage | undefined;
  readonly defaults: ContainerDefaults;
  readonly explain: boolean;
}

async function preparePlan(preparation: Preparation): Promise<Uint8Array> {
  const { options, mapping, store, id, folder, lock, image, defaults } = preparation;
  // one that is not of an image needs nothing of the store, but its record must not be read half written either
  const hold = image?.hold ?? openStore().hold();
  writeRecord(preparation);
  hold[Symbol.dispose]();
  if (options.name !== undefined) claimName(store, options.name, id);
  const hostname = options.hostname ?? (options.uts === "host" ? ownHostname() : id.slice(0, 12));
  const network = await prepareNetwork(options, folder, hostname, mapping.kind !== "none");
  if (network.setup.warning !== undefined) console.error(`tsbox: ${network.setup.warning}`);
  const other = network.setup.joinContainer;
  const joined =
    other === undefined ? undefined : (await import("./join-network.ts")).joinNetwork(store, other, mapping);
  const root = await chooseRoot(preparation);
  const folders =
    root.kind === "folder" ? [root.path] : root.layers.toReversed().map((name) => `${root.layersFolder}/${name}`);
  const config = buildSpec(options, defaults, {
    mapping,
    hostname,
    rootPath: mountPoint(root),
    readFile: (path) => readImageFile(folders, path),
    newNetwork: network.setup.newNamespace,
    files: joined?.files ?? network.files,
    joinNamespaces: joined?.namespaces ?? [],
    unifiedCgroups: statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC,
    privilegedDevices: options.privileged ? privilegedDevices() : [],
  });
  const seccomp = await chooseSeccomp(options, config);
  writeText(`${folder}/config.json`, configText(config, seccomp));
  const cgroup = await limitingCgroup(preparation);
  if (options.cidFile !== undefined && !preparation.explain) writeCidFile(options.cidFile, id);
  const removed = [folder, ...(options.name === undefined ? [] : [`${store}/containers/names/${options.name}`])];
  return compileForeground({
    config,
    state: { ociVersion: config.ociVersion, id, status: "creating", bundle: folder, annotations: config.annotations },
    mapping,
    root,
    seccomp,
    init: options.init,
    interactive: options.interactive,
    helpers: network.setup.helper === undefined ? [] : [network.setup.helper],
    commands: network.commands,
    cgroup,
    pidFile: `${folder}/lock`,
    lockFd: lock,
    writablePaths: writablePaths(options, defaults),
    openNamespaces: joined?.open ?? new Map(),
    remove: {
      always: [...(options.remove ? removed : []), ...network.remove],
      onFailure: options.remove ? [] : removed,
    },
    cleanup: [...selfCommand(), "__remove-container", store, id],
  });
}

/** A cgroup for the limits that were asked for; none when there are none. */
async function limitingCgroup({ options, id, explain }: Preparation): Promise<string | undefined> {
  if (Object.keys(options.resources).length === 0) return undefined;
  const { cgroupSettings, createCgroup } = await import("../runtime/cgroup/index.ts");
  const settings = cgroupSettings(options.resources);
  return settings.length === 0 || explain ? undefined : createCgroup(id, settings);
}

/** Folders for data (`VOLUME`, `-v FOLDER`) are part of the container's own; they stay writable when the root is not. */
function writablePaths(options: RunOptions, defaults: ContainerDefaults): string[] {
  const taken = new Set(
    options.mounts.filter(({ type }) => type !== "anonymous").map(({ destination }) => destination),
  );
  const asked = options.mounts.filter(({ type }) => type === "anonymous").map(({ destination }) => destination);
  const paths = [...Object.keys(defaults.Volumes ?? {}), ...asked];
  return [...new Set(paths)].filter((path) => path.startsWith("/") && path !== "/" && !taken.has(path));
}

async function chooseRoot({ options, mapping, store, folder, image }: Preparation): Promise<RootSource> {
  if (image === undefined) return folderRoot(options.rootfs ?? "");
  const { driver } = await chooseDriver(store, options.storageDriver);
  return await prepareRoot(driver, image.root, folder, mapping, options.remove);
}

function folderRoot(path: string): RootSource {
  const absolute = path.startsWith("/") ? path : `${process.cwd()}/${path}`;
  try {
    if (statPath(absolute).isFolder) return { kind: "folder", path: absolute };
  } catch (cause) {
    throw new TsboxError("not-found", `cannot use --rootfs ${path}: no such folder`, { cause });
  }
  throw new TsboxError("usage", `cannot use --rootfs ${path}: it is not a folder`);
}

function ownHostname(): string {
  return process.getBuiltinModule("node:os").hostname();
}

function writeRecord({ options, defaults, id, folder, mapping, image }: Preparation): void {
  const record: ContainerRecord = {
    id,
    name: options.name,
    image: options.image,
    created: Date.now(),
    command: commandLine(options, defaults),
    mapping: mapping.name,
    remove: options.remove,
    stopSignal: options.stopSignal ?? defaults.StopSignal ?? "SIGTERM",
    labels: { ...(defaults.Labels ?? {}), ...options.labels },
    needs: image?.needs,
  };
  writeText(`${folder}/container.json`, JSON.stringify(record));
}

function writeCidFile(path: string, id: string): void {
  try {
    writeText(path, id, { exclusive: true });
  } catch (cause) {
    throw new TsboxError("exists", `cannot write --cidfile ${path}: ${(cause as Error).message}`, { cause }); // cast: a SyscallError
  }
}
