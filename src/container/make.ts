/** Making a container of an image: its folder with all that starting takes, and its name. Nothing runs yet. */
import { TsboxError } from "../error.ts";
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import type { OnPullEvent } from "../image/index.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT } from "../linux/abi.gen.ts";
import { randomHex } from "../linux/random.ts";
import { statPath } from "../linux/stat.ts";
import { replaceFile } from "../linux/write-text.ts";
import type { ContainerDefaults } from "../oci/index.ts";
import { type ContainerNeeds, openStore } from "../store/index.ts";
import { event } from "./events.ts";
import { type ContainerRecord, makeContainerFolder } from "./folder.ts";
import { healthTest } from "./health.ts";
import { type PreparedImage, prepareImage } from "./image.ts";
import { madeUpName } from "./made-up-name.ts";
import { checkName, claimName, dropDeadName, nameOwner } from "./names.ts";
import { writeOptions } from "./options-file.ts";
import { chooseDriver, type LayeredImage, prepareRoot } from "./root.ts";
import { commandLine } from "./spec/build.ts";
import type { RunOptions, StorageDriver } from "./spec/options.ts";
import { recordMounts } from "./volumes/record.ts";
import type { ResolvedVolumes } from "./volumes/resolve.ts";

/** A container that is there, with its lock held by this process. */
export interface Container {
  readonly options: RunOptions;
  readonly defaults: ContainerDefaults;
  readonly mapping: IdMapping;
  /** The store's folder. */
  readonly store: string;
  readonly record: ContainerRecord;
  readonly folder: string;
  /** Descriptor of the lock, open without close-on-exec. */
  readonly lock: number;
  /** It ran before, and may have written. */
  readonly again?: boolean;
  readonly root: { readonly image: LayeredImage; readonly driver: StorageDriver } | undefined;
}

export interface MakeOptions {
  /** Its output is its caller's, so that there will be no log. */
  readonly foreground: boolean;
  readonly onEvent: OnPullEvent | undefined;
}

/** @throws TsboxError; nothing of the container is left behind then */
export async function makeContainer(asked: RunOptions, make: MakeOptions): Promise<Container> {
  if (asked.name !== undefined) checkName(asked.name);
  checkSources(asked);
  const store = openStore().root;
  const { mapping } = chooseMapping(asked.userns);
  await fetchMounted(asked, mapping, make.onEvent);
  const image = asked.image === undefined ? undefined : await prepareImage(asked, mapping, make.onEvent);
  const defaults = image?.defaults ?? {};
  if (asked.health?.asked && healthTest(asked, defaults) === undefined)
    throw new TsboxError(
      "usage",
      "cannot check the container's health: its image has no HEALTHCHECK; use --health-cmd",
    );
  const member =
    asked.pod === undefined ? undefined : await (await import("./pods/member.ts")).enterPod(store, asked, mapping);
  using _pod = await member?.hold();
  const given = member?.options ?? asked;
  if (given.replace && given.name !== undefined)
    await (await import("./remove.ts")).replaceContainer(store, given.name);
  const id = randomHex(32);
  const { path: folder, lock } = makeContainerFolder(store, id);
  let volumes: Volumes | undefined;
  let name: string | undefined;
  try {
    const driver = image === undefined ? undefined : (await chooseDriver(store, given.storageDriver)).driver;
    const root = image === undefined || driver === undefined ? undefined : { image: image.root, driver };
    // one that is not of an image needs nothing of the store, but its record must not be read half written either
    const hold = image?.hold ?? openStore().hold();
    name = await claimAnyName(store, given.name, id);
    volumes = await chooseVolumes(store, given, defaults, mapping, make.onEvent);
    const options = volumes === undefined ? given : { ...given, mounts: volumes.mounts };
    const record = recordOf(options, defaults, {
      id,
      name,
      mapping,
      image,
      foreground: make.foreground,
      volumes,
      pod: member?.pod.id,
    });
    writeOptions(folder, { options, defaults, mapping, root });
    replaceFile(`${folder}/container.json`, JSON.stringify(record));
    volumes?.release?.();
    hold[Symbol.dispose]();
    if (root !== undefined) await prepareRoot(root.driver, root.image, folder, mapping);
    event(store, record, "create", { labels: record.labels });
    return { options, defaults, mapping, store, record, folder, lock, root };
  } catch (error) {
    volumes?.undo?.();
    await (await import("./remove.ts")).discardContainer(store, id);
    // which finds the name only in a record that was written
    if (name !== undefined) dropDeadName(store, "containers", name, id);
    throw error;
  }
}

/** Images of `--mount type=image`: fetched while nothing is held, because that waits for whoever holds the store. */
async function fetchMounted(options: RunOptions, mapping: IdMapping, onEvent: OnPullEvent | undefined): Promise<void> {
  for (const { type, source } of options.mounts) {
    if (type !== "image") continue;
    const { hold } = await prepareImage({ ...options, image: source }, mapping, onEvent);
    hold[Symbol.dispose]();
  }
}

/** Binds alone need nothing that could be let go of. */
type Volumes = Pick<ResolvedVolumes, "mounts" | "recorded"> & Partial<ResolvedVolumes>;

/** What the container mounts beside its root, with volumes that are there; undefined when there is nothing. */
async function chooseVolumes(
  store: string,
  options: RunOptions,
  defaults: ContainerDefaults,
  mapping: IdMapping,
  onEvent: OnPullEvent | undefined,
): Promise<Volumes | undefined> {
  const { mounts, volumesFrom } = options;
  const imageVolumes = Object.keys(defaults.Volumes ?? {});
  const named = mounts.some(({ type }) => type === "volume" || type === "image");
  if (!named && volumesFrom.length + imageVolumes.length === 0)
    return mounts.length === 0 ? undefined : { mounts, recorded: recordMounts(mounts) };
  const { resolveVolumes } = await import("./volumes/resolve.ts");
  return await resolveVolumes({
    store,
    mounts,
    volumesFrom,
    imageVolumes,
    // it was fetched before anything was held
    image: async (name) => await prepareImage({ ...options, image: name, pull: "never" }, mapping, onEvent),
  });
}

/** Bind sources are looked at before anything is fetched or made. */
function checkSources({ mounts }: RunOptions): void {
  for (const { type, source, flag } of mounts) {
    if (type !== "bind" || source === undefined) continue;
    let mode: number;
    try {
      ({ mode } = statPath(source));
    } catch (cause) {
      throw new TsboxError("not-found", `cannot use ${flag}: ${source}: no such file or folder on the host`, { cause });
    }
    // a folder stands for all devices in it
    if (flag.startsWith("--device ") && ![S_IFCHR, S_IFBLK, S_IFDIR].includes(mode & S_IFMT))
      throw new TsboxError("usage", `cannot use ${flag}: ${source} is not a device`);
  }
}

async function claimAnyName(store: string, asked: string | undefined, id: string): Promise<string> {
  if (asked !== undefined) {
    await claimAskedName(store, asked, id);
    return asked;
  }
  for (let attempt = 0; ; attempt++) {
    const name = madeUpName(attempt);
    try {
      claimName(store, "containers", name, id);
      return name;
    } catch (error) {
      if (!(error instanceof TsboxError) || error.code !== "exists" || attempt > 50) throw error;
    }
  }
}

/** What a kill left of the name's owner gives way. */
async function claimAskedName(store: string, name: string, id: string): Promise<void> {
  try {
    claimName(store, "containers", name, id);
  } catch (error) {
    const owner = nameOwner(store, "containers", name);
    if (owner === undefined || !(await (await import("./sweep.ts")).sweepContainer(store, owner))) throw error;
    claimName(store, "containers", name, id);
  }
}

function recordOf(
  options: RunOptions,
  defaults: ContainerDefaults,
  made: {
    id: string;
    name: string;
    mapping: IdMapping;
    image: PreparedImage | undefined;
    foreground: boolean;
    volumes: Volumes | undefined;
    pod: string | undefined;
  },
): ContainerRecord {
  const { id, name, mapping, image, volumes } = made;
  return {
    id,
    name,
    image: options.image,
    imageID: image?.imageID,
    created: Date.now(),
    command: commandLine(options, defaults),
    mapping: mapping.name,
    remove: options.remove,
    stopSignal: options.stopSignal ?? defaults.StopSignal ?? "SIGTERM",
    stopTimeout: options.stopTimeout,
    labels: { ...(defaults.Labels ?? {}), ...options.labels },
    ports: options.publish.length > 0 || options.publishAll ? options.publish : undefined,
    network: options.networkName,
    restart: options.restart,
    tty: options.tty || undefined,
    interactive: options.interactive || undefined,
    log: made.foreground ? "none" : options.log.driver,
    // who runs in the foreground has nobody who checks
    healthcheck: made.foreground || healthTest(options, defaults) === undefined ? undefined : true,
    mounts: volumes?.recorded,
    pod: made.pod,
    needs: withLayers(image?.needs, volumes?.layers),
  };
}

/** Those of images that are mounted are kept too. */
function withLayers(needs: ContainerNeeds | undefined, more: ContainerNeeds | undefined): ContainerNeeds | undefined {
  if (more === undefined || needs === undefined) return needs ?? more;
  return { ...needs, layers: [...new Set([...needs.layers, ...more.layers])] };
}
