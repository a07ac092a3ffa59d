/** `options.json` of a container: everything that starting it takes, beside its folder and the layers. */
import type { IdMapping } from "../idmap/index.ts";
import { readText } from "../linux/read-text.ts";
import { writeText } from "../linux/write-text.ts";
import type { ContainerDefaults } from "../oci/index.ts";
import { containerFolder } from "./folder.ts";
import type { LayeredImage } from "./root.ts";
import type { RunOptions, StorageDriver } from "./spec/options.ts";

export interface SavedOptions {
  readonly options: RunOptions;
  /** `config` of the image's configuration. */
  readonly defaults: ContainerDefaults;
  readonly mapping: IdMapping;
  /** Undefined for a plain folder. */
  readonly root: { readonly image: LayeredImage; readonly driver: StorageDriver } | undefined;
}

export function writeOptions(folder: string, saved: SavedOptions): void {
  writeText(`${folder}/options.json`, JSON.stringify(saved), { mode: 0o600 });
}

/** @throws SyscallError when there is no such container */
export function readOptions(store: string, id: string): SavedOptions {
  return JSON.parse(readText(`${containerFolder(store, id)}/options.json`)) as SavedOptions; // cast: only tsbox writes it
}
