/** Unpacking of archives that tests make, with the real worker in a real user namespace. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chooseMapping, type IdMapping, parseUserns } from "../../src/idmap/index.ts";
import {
  finishLayers,
  type Limits,
  type UnfinishedLayer,
  type UnpackResult,
  unpackLayer,
  type Workers,
} from "../../src/image/unpack/index.ts";
import { type Compression, parseDigest } from "../../src/oci/index.ts";
import { type Listing, listHere, listTree } from "./list-tree.ts";
import { sha256 } from "./oci-image.ts";
import { type TarEntry, writeTar } from "./tar.ts";
import { type TemporaryFolder, temporaryFolder } from "./tmp.ts";

/** What `run` would choose for whoever runs the tests: subordinate ids, or none for root. */
export const ownMapping = (): IdMapping => chooseMapping().mapping;

/** Only the caller's own id. */
export const singleMapping = (): IdMapping => chooseMapping(parseUserns("single")).mapping;

export type Archive = readonly TarEntry[] | Uint8Array<ArrayBuffer>;

export type UnpackSettings = {
  readonly mapping?: IdMapping;
  readonly compression?: Compression;
  readonly limits?: Limits;
  /** instead of the right one */
  readonly diffID?: string;
  /** the blob itself; otherwise the archive is compressed */
  readonly blob?: Uint8Array;
  /** as if other layers kept the processors busy */
  readonly crowded?: boolean;
  /** that unpack other layers too */
  readonly workers?: Workers;
};

export type Unpacked = Disposable & {
  readonly path: string;
  readonly result: UnpackResult;
  readonly mapping: IdMapping;
  /** what is there now */
  tree(): Promise<Listing>;
};

function compress(tar: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array {
  if (compression === "gzip") return Bun.gzipSync(tar);
  return compression === "zstd" ? Bun.zstdCompressSync(tar) : tar;
}

/** @throws TsboxError as unpackLayer does */
export async function unpack(input: Archive, settings: UnpackSettings = {}): Promise<Unpacked> {
  const { compression = "none", mapping = ownMapping() } = settings;
  const tar = input instanceof Uint8Array ? input : writeTar(input);
  const folder = temporaryFolder();
  try {
    const destination = folder.join("layer");
    const blobPath = folder.join("blob");
    const blob = settings.blob ?? compress(tar, compression);
    mkdirSync(destination, { mode: 0o755 });
    writeFileSync(blobPath, blob);
    const diffID = parseDigest(settings.diffID ?? sha256(tar));
    const limits = settings.limits === undefined ? {} : { limits: settings.limits };
    const workers = settings.workers === undefined ? {} : { workers: settings.workers };
    const { crowded = false } = settings;
    const how = { compression, diffID, mapping, crowded, ...limits, ...workers };
    const unpacking = unpackLayer({ blobPath, destination, ...how });
    unpacking.end(blob.length);
    const result = await unpacking.result;
    return {
      path: destination,
      result,
      mapping,
      tree: () => listTree(destination, mapping),
      [Symbol.dispose]: () => folder[Symbol.dispose](),
    };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/** What is in the tree that an archive makes. */
export async function treeOf(input: Archive, settings: UnpackSettings = {}): Promise<Listing> {
  using unpacked = await unpack(input, settings);
  return await unpacked.tree();
}

/** Layers of one image, lowest first, unpacked and finished. */
export async function unpackStack(
  archives: readonly Archive[],
  settings: UnpackSettings = {},
): Promise<Disposable & { readonly layers: readonly Unpacked[]; readonly paths: readonly string[] }> {
  const { mapping = ownMapping() } = settings;
  const layers: Unpacked[] = [];
  const dispose = () => {
    for (const layer of layers) layer[Symbol.dispose]();
  };
  try {
    for (const archive of archives) layers.push(await unpack(archive, settings));
    const unfinished = layers.map(({ path, result }): UnfinishedLayer => ({ path, ...result }));
    await finishLayers({ layers: unfinished, lowerPaths: [], mapping });
    return { layers, paths: layers.map(({ path }) => path), [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** A folder with a secret, outside of where a layer is unpacked, for attacks that try to get there. */
export class Surroundings implements Disposable {
  readonly #folder: TemporaryFolder = temporaryFolder();
  readonly path = this.#folder.join("outside");

  constructor() {
    mkdirSync(join(this.path, "folder"), { recursive: true });
    writeFileSync(join(this.path, "secret"), "secret", { mode: 0o600 });
  }

  /** So many `../` that they lead to the root of the host from anywhere. */
  get climbing(): string {
    return `${"../".repeat(40)}${this.path.slice(1)}`;
  }

  /** What is there now. */
  listing(): Listing {
    return listHere(this.path);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
