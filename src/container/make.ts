/** Making a container of an image: its folder with all that starting takes, and its name. Nothing runs yet. */
import { TsboxError } from "../error.ts";
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import type { OnPullEvent } from "../image/index.ts";
import { randomHex } from "../linux/random.ts";
import { statPath } from "../linux/stat.ts";
import { writeText } from "../linux/write-text.ts";
import type { ContainerDefaults } from "../oci/index.ts";
import { openStore } from "../store/index.ts";
import { event } from "./events.ts";
import { type ContainerRecord, checkName, claimName, makeContainerFolder } from "./folder.ts";
import { type PreparedImage, prepareImage } from "./image.ts";
import { madeUpName } from "./made-up-name.ts";
import { writeOptions } from "./options-file.ts";
import { chooseDriver, type LayeredImage, prepareRoot } from "./root.ts";
import { commandLine } from "./spec/build.ts";
import type { RunOptions, StorageDriver } from "./spec/options.ts";

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
  readonly root: { readonly image: LayeredImage; readonly driver: StorageDriver } | undefined;
}

export interface MakeOptions {
  /** Its output is its caller's, so that there will be no log. */
  readonly foreground: boolean;
  readonly onEvent: OnPullEvent | undefined;
}

/** @throws TsboxError; nothing of the container is left behind then */
export async function makeContainer(options: RunOptions, make: MakeOptions): Promise<Container> {
  if (options.name !== undefined) checkName(options.name);
  checkSources(options);
  const store = openStore().root;
  const { mapping } = chooseMapping(options.userns);
  const image = options.image === undefined ? undefined : await prepareImage(options, mapping, make.onEvent);
  if (options.replace && options.name !== undefined) await (await import("./remove.ts")).replaceContainer(store, options.name);
  const defaults = image?.defaults ?? {};
  const id = randomHex(32);
  const { path: folder, lock } = makeContainerFolder(store, id);
  try {
    const driver = image === undefined ? undefined : (await chooseDriver(store, options.storageDriver)).driver;
    const root = image === undefined || driver === undefined ? undefined : { image: image.root, driver };
    // one that is not of an image needs nothing of the store, but its record must not be read half written either
    const hold = image?.hold ?? openStore().hold();
    const name = claimAnyName(store, options.name, id);
    const record = recordOf(options, defaults, { id, name, mapping, image, foreground: make.foreground });
    writeOptions(folder, { options, defaults, mapping, root });
    writeText(`${folder}/container.json`, JSON.stringify(record));
    hold[Symbol.dispose]();
    if (root !== undefined) await prepareRoot(root.driver, root.image, folder, mapping);
    event(store, record, "create");
    return { options, defaults, mapping, store, record, folder, lock, root };
  } catch (error) {
    await (await import("./remove.ts")).removeContainerFolder(store, id);
    throw error;
  }
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

function claimAnyName(store: string, asked: string | undefined, id: string): string {
  if (asked !== undefined) {
    claimName(store, asked, id);
    return asked;
  }
  for (let attempt = 0; ; attempt++) {
    const name = madeUpName(attempt);
    try {
      claimName(store, name, id);
      return name;
    } catch (error) {
      if (!(error instanceof TsboxError) || error.code !== "exists" || attempt > 50) throw error;
    }
  }
}

function recordOf(
  options: RunOptions,
  defaults: ContainerDefaults,
  made: { id: string; name: string; mapping: IdMapping; image: PreparedImage | undefined; foreground: boolean },
): ContainerRecord {
  const { id, name, mapping, image } = made;
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
    ports: options.publish.length > 0 ? options.publish : undefined,
    network: options.networkName,
    restart: options.restart,
    tty: options.tty || undefined,
    interactive: options.interactive || undefined,
    log: made.foreground ? "none" : options.log.driver,
    healthcheck: healthCommand(options, defaults) ? true : undefined,
    needs: image?.needs,
  };
}

/** Whether there is one: its own, or its image's unless that is switched off. */
function healthCommand({ health }: RunOptions, defaults: ContainerDefaults): boolean {
  const test = health?.test ?? defaults.Healthcheck?.Test ?? [];
  return test.length > 0 && test[0] !== "NONE";
}
