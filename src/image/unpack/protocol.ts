/**
 * What the parent and a worker say to each other. The worker is tsbox again, root of a user namespace. Descriptor 3 is a socket; over
 * it come, for each layer, the blob, which may still grow, and the folder that the worker makes its root.
 *
 * Parent to worker, lines on standard input: a {@link Job} as JSON, then, for a layer, `have N` (N bytes of the blob are there), at last
 * `end N` (it is whole, N bytes, and verified). End of file or `abort` before that: the worker reports a failure. End of file instead of
 * a job: the worker ends.
 * Worker to parent, one line on standard output for each job: a {@link Reply} as JSON. After a failure the worker ends.
 */
import type { ErrorCode } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import type { Compression, Digest } from "../../oci/index.ts";

export interface UnpackJob {
  readonly kind: "unpack";
  readonly compression: Compression;
  readonly diffID: Digest;
  /** As the worker sees it: the caller's own id is 0. */
  readonly mapping: IdMapping;
  readonly limits: Limits;
  /** Whether other workers keep the processors busy meanwhile. */
  readonly crowded: boolean;
}

/** Paths are absolute; names of files are strings of bytes (bytes.ts). */
export interface FinishJob {
  readonly kind: "finish";
  /** Lowest first; each is finished in turn, with those before it as the nearest below. */
  readonly layers: readonly UnfinishedLayer[];
  /** Trees of the layers below, nearest first. */
  readonly lowerPaths: readonly string[];
}

export type Job = UnpackJob | FinishJob;

export interface Limits {
  /** Uncompressed bytes of a layer, and the size of any file with its holes. */
  readonly bytes: number;
  readonly entries: number;
  /** How many times larger than its blob a layer may be; */
  readonly ratio: number;
  /** up to so many bytes it may be more: small things compress well. */
  readonly unboundedBytes: number;
}

/**
 * An image may be large, but not without bounds: a small blob can claim to be anything (CVE-2026-32288). Real layers are 2 to 10
 * times larger than their blobs; a gigabyte of zeros is 1,000 times larger.
 */
export const DEFAULT_LIMITS: Limits = {
  bytes: 1024 ** 4,
  entries: 5_000_000,
  ratio: 200,
  unboundedBytes: 512 * 1024 ** 2,
};

export interface HardLink {
  readonly path: string;
  readonly target: string;
}

export interface UnpackResult {
  readonly entries: number;
  /** Uncompressed. */
  readonly bytes: number;
  /** Folders that the archive has things in but does not list; {@link finishLayers} gives them the look of those below. */
  readonly impliedFolders: readonly string[];
  /** Links to files of lower layers. */
  readonly pendingHardLinks: readonly HardLink[];
  /** Names that the archive hides; {@link finishLayers} forgets those that no layer below has. */
  readonly whiteouts: readonly string[];
  /** The root hides all of the layers below. Overlay knows no such thing; {@link finishLayers} hides them by name. */
  readonly opaqueRoot: boolean;
  /** Device nodes, which a user namespace cannot make. */
  readonly skippedDevices: readonly string[];
  /** Extended attributes that the kernel or file system refused. */
  readonly skippedAttributes: number;
}

export interface UnfinishedLayer {
  readonly path: string;
  readonly impliedFolders: readonly string[];
  readonly pendingHardLinks: readonly HardLink[];
  readonly whiteouts?: readonly string[];
  readonly opaqueRoot?: boolean;
}

export type Reply =
  | { readonly ok: UnpackResult | null }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };
