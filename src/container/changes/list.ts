/** The changes of a container as a list. */
import { TsboxError } from "../../error.ts";
import { compileHotCode } from "../../linux/engine.ts";
import { containerRoot, ownMountPoints } from "../container-root.ts";
import { startFilesWorker } from "../start-files-worker.ts";
import { readRecord } from "../state.ts";
import type { ChangesJob } from "./walk.ts";

export interface ListedChange {
  /** Docker's letters: added, changed (or has something changed below), deleted. */
  readonly kind: "A" | "C" | "D";
  /** Absolute, with one character for each byte (latin1), because names need not be UTF-8. */
  readonly path: string;
}

/**
 * What a worker has to know of a container to compare it with its image.
 * @throws TsboxError `unsupported` for a container without an image
 */
export function changesJob(store: string, id: string, verb: string) {
  const record = readRecord(store, id);
  const root = containerRoot(store, record);
  if (root.layers.length === 0 && root.layersFolder === "")
    throw new TsboxError("unsupported", `cannot ${verb} container ${record.name ?? id}: it was not made from an image`);
  const job: ChangesJob = {
    form: root.form,
    top: root.top,
    layers: root.layers.map((name) => `${root.layersFolder}/${name}`),
    mountPoints: ownMountPoints(store, record, root.saved),
  };
  return { record, root, job };
}

/** In the order of paths. @throws TsboxError */
export async function listChanges(store: string, id: string): Promise<ListedChange[]> {
  compileHotCode();
  const { root, job } = changesJob(store, id, "compare");
  const worker = startFilesWorker({ kind: "diff", ...job }, { mapping: root.mapping, input: "ignore", output: "pipe" });
  const text = Buffer.from(await new Response(worker.output).bytes()).toString("latin1");
  await worker.finish();
  const changes = text.split("\0").slice(0, -1);
  // cast: the worker writes these letters
  return changes.map((line) => ({ kind: line.slice(0, 1) as ListedChange["kind"], path: line.slice(2) }));
}
