/** Unpacking and looking at the result, with each id mapping that whoever runs the tests can have. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chooseMapping, type IdMapping, unpackMapping } from "../../../src/idmap/index.ts";
import { finishLayers, type UnpackOptions, type UnpackResult, unpackLayer } from "../../../src/image/unpack/index.ts";
import { type Compression, type Digest, parseDigest } from "../../../src/oci/index.ts";
import { spawnEntered } from "../../../src/plan/index.ts";
import { native, type Requirement, subordinateIds, userNamespaces } from "../../support/skip.ts";
import { type TarEntry, writeTar } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import type { Entry } from "./list-tree.ts";

export type { Entry } from "./list-tree.ts";

const isRoot = process.getuid?.() === 0;

/** `none` is for root alone; root may also hand on its ids to a user namespace, without `/etc/subuid`. */
export const MAPPINGS: readonly (readonly [IdMapping["kind"], readonly Requirement[]])[] = [
  ...(isRoot ? [["none", [native]] as const] : []),
  ["subuid", [native, userNamespaces, ...(isRoot ? [] : [subordinateIds])]],
  ["single", [native, userNamespaces]],
];

export function mappingOf(kind: IdMapping["kind"]): IdMapping {
  return chooseMapping({ mode: kind === "none" ? "auto" : kind }).mapping;
}

/** The mapping of tests that have no interest in mappings. */
export const ANY: IdMapping = mappingOf("single");
/** What such tests need. */
export const ANY_NEEDS: readonly Requirement[] = [native, userNamespaces];

export function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`);
}

export interface Unpacked {
  readonly result: UnpackResult;
  readonly path: string;
}

type Choices = Partial<Omit<UnpackOptions, "destination" | "blobPath">> & { readonly blob?: Uint8Array };

let count = 0;

/**
 * Unpacks an archive into a new folder of `folder`. What is not chosen is right for the archive.
 * @throws TsboxError what unpackLayer fails with
 */
export async function unpackInto(
  folder: string,
  archive: readonly TarEntry[] | Uint8Array,
  choices: Choices = {},
): Promise<Unpacked> {
  const tar = archive instanceof Uint8Array ? archive : writeTar(archive);
  const { mapping = ANY, compression = "none", blob = tar, diffID = digestOf(tar) } = choices;
  const path = join(folder, `tree-${count}`);
  const blobPath = join(folder, `blob-${count++}`);
  mkdirSync(path);
  writeFileSync(blobPath, blob);
  const limits = choices.limits === undefined ? {} : { limits: choices.limits };
  const unpacking = unpackLayer({ blobPath, destination: path, compression, diffID, mapping, ...limits });
  unpacking.end(blob.length);
  return { result: await unpacking.result, path };
}

/**
 * Unpacks the layers of an image, lowest first, and gives them what they take from each other.
 * @returns their folders, lowest first
 */
export async function unpackStack(
  folder: string,
  archives: readonly (readonly TarEntry[] | Uint8Array)[],
  mapping: IdMapping,
): Promise<string[]> {
  const unpacked: Unpacked[] = [];
  for (const archive of archives) unpacked.push(await unpackInto(folder, archive, { mapping }));
  const layers = unpacked.map(({ path, result }) => ({ path, ...result }));
  await finishLayers({ layers, lowerPaths: [], mapping });
  return unpacked.map(({ path }) => path);
}

/** Unpacks and lists; nothing stays. */
export async function treeOf(
  archive: readonly TarEntry[] | Uint8Array,
  choices: Choices = {},
): Promise<UnpackResult & { readonly entries: number; readonly tree: Record<string, Entry> }> {
  using folder = temporaryFolder();
  const { result, path } = await unpackInto(folder.path, archive, choices);
  return { ...result, tree: await listTree(path, choices.mapping ?? ANY) };
}

/**
 * The message with which unpacking fails.
 * @throws Error when it does not fail
 */
export async function refusal(archive: readonly TarEntry[] | Uint8Array, choices: Choices = {}): Promise<string> {
  using folder = temporaryFolder();
  // awaited here, or the folder would be gone before the worker starts
  return await unpackInto(folder.path, archive, choices).then(
    () => Promise.reject(new Error("it was unpacked")),
    (error: Error) => error.message,
  );
}

const LIST = fileURLToPath(new URL("list-tree.ts", import.meta.url));

/** What a tree holds, by path ("." is the root), as root of the mapping's user namespace sees it. */
export async function listTree(path: string, mapping: IdMapping): Promise<Record<string, Entry>> {
  return JSON.parse(await entered(mapping, [process.execPath, LIST, path]));
}

/** Runs a program as root of the mapping's user namespace. @returns its output @throws Error when it fails */
export async function entered(mapping: IdMapping, argv: readonly [string, ...string[]]): Promise<string> {
  const child = spawnEntered({
    mapping: unpackMapping(mapping),
    argv,
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", `HOME=${process.env.HOME ?? "/"}`],
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, log, status] = await Promise.all([
    new Response(child.stdout as ReadableStream<Uint8Array>).text(), // casts: both were asked for as pipes
    new Response(child.stderr as ReadableStream<Uint8Array>).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}: ${log}`);
  return output;
}

export function compress(tar: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array {
  if (compression === "gzip") return Bun.gzipSync(tar);
  return compression === "zstd" ? Bun.zstdCompressSync(tar) : tar;
}

/** Entries without what is not compared. */
export function only<K extends keyof Entry>(
  tree: Record<string, Entry>,
  ...keys: readonly K[]
): Record<string, Pick<Entry, K>> {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => [
      path,
      // cast: exactly those keys
      Object.fromEntries(keys.filter((key) => key in entry).map((key) => [key, entry[key]])) as Pick<Entry, K>,
    ]),
  );
}
