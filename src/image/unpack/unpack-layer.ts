/** The parent's side: what it asks of workers. */
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { Compression, Digest } from "../../oci/index.ts";
import { DEFAULT_LIMITS, type Job, type Limits, type UnfinishedLayer, type UnpackResult } from "./protocol.ts";
import { Workers } from "./workers.ts";

export interface UnpackOptions {
  /** The blob, which may still be growing; it is opened now. */
  readonly blobPath: string;
  /** An empty folder. */
  readonly destination: string;
  readonly compression: Compression;
  readonly diffID: Digest;
  readonly mapping: IdMapping;
  readonly limits?: Limits;
  /** Those that unpack the other layers too; one of its own if not given. */
  readonly workers?: Workers;
  /** Whether other layers keep the processors busy meanwhile. */
  readonly crowded?: boolean;
}

export interface Unpacking {
  /** So many bytes of the blob are there. */
  have(bytes: number): void;
  /** The blob is whole and verified. */
  end(bytes: number): void;
  /** Stops the worker; `result` fails. */
  abort(): void;
  /** @throws TsboxError saying what is wrong with the layer, the disk or the host */
  readonly result: Promise<UnpackResult>;
}

function open(path: string, flags: number): number {
  return check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), flags | O_CLOEXEC), path);
}

/** Has one layer unpacked. The tree is whole when `result` is there, and only then. */
export function unpackLayer(options: UnpackOptions): Unpacking {
  const { compression, diffID, mapping, limits = DEFAULT_LIMITS, crowded = false } = options;
  const blob = open(options.blobPath, O_RDONLY);
  const destination = open(options.destination, O_RDONLY | O_DIRECTORY);
  const job: Job = { kind: "unpack", compression, diffID, mapping: unpackMapping(mapping), limits, crowded };
  using own = new Workers(mapping);
  const worker = (options.workers ?? own).run(job, [blob, destination]);
  syscall(SYS.close, blob);
  syscall(SYS.close, destination);
  let told = 0;
  return {
    have: (bytes) => {
      // each line costs a wake-up; a megabyte more is worth one
      if (bytes - told < 1024 * 1024) return;
      told = bytes;
      worker.say(`have ${bytes}`);
    },
    end: (bytes) => worker.say(`end ${bytes}`),
    abort: () => worker.kill(),
    // cast: an unpack job's reply has a result
    result: worker.reply as Promise<UnpackResult>,
  };
}

/**
 * Gives layers what they take from those below (finish.ts). Does nothing for layers that lack nothing. Not atomic: after a failure
 * the layers are good for nothing but removal.
 *
 * @param job.layers trees of layers of one image, lowest first, finished ones among them (with nothing to do)
 * @param job.lowerPaths trees of the layers below all of them, nearest first
 * @throws TsboxError `invalid` when a hard link's target is in no layer
 */
export async function finishLayers(job: {
  readonly layers: readonly UnfinishedLayer[];
  readonly lowerPaths: readonly string[];
  readonly mapping: IdMapping;
  readonly workers?: Workers;
}): Promise<void> {
  const lacking = job.layers.findLastIndex(
    (layer, index) =>
      layer.pendingHardLinks.length > 0 ||
      (layer.whiteouts ?? []).length > 0 ||
      ((layer.impliedFolders.length > 0 || layer.opaqueRoot === true) && index + job.lowerPaths.length > 0),
  );
  if (lacking < 0) return;
  const layers = job.layers
    .slice(0, lacking + 1)
    .map(({ path, impliedFolders, pendingHardLinks, whiteouts = [], opaqueRoot = false }) => ({
      path,
      impliedFolders,
      pendingHardLinks,
      whiteouts,
      opaqueRoot,
    }));
  using own = new Workers(job.mapping);
  await (job.workers ?? own).run({ kind: "finish", layers, lowerPaths: job.lowerPaths }, []).reply;
}
