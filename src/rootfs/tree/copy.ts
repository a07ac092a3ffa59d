/** The copy driver: an image's layers flattened into one tree. */
import type { IdMapping } from "../../idmap/index.ts";
import { runTreeJob } from "./start-worker.ts";

export interface CopyJob {
  /** Absolute paths of layers as overlay has them, lowest first. */
  readonly layers: readonly string[];
  /** Absolute path of an empty folder. */
  readonly destination: string;
  /** The one that the layers were unpacked with. */
  readonly mapping: IdMapping;
}

/**
 * Copies what the layers show together: data (shared where the file system can, holes kept), owners, modes, attributes, times and
 * hard links. Not atomic: after a failure part of it is there.
 *
 * @throws TsboxError `no-space`, `io`, or `host` when the namespace cannot be made
 */
export async function copyTrees({ layers, destination, mapping }: CopyJob): Promise<void> {
  await runTreeJob({ kind: "copy", layers, destination }, mapping);
}
