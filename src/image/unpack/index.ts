/** Layers to trees. The worker's side is loaded only in a worker. */
export type { HardLink, Limits, UnfinishedLayer, UnpackResult } from "./protocol.ts";
export { finishLayers, type Unpacking, type UnpackOptions, unpackLayer } from "./unpack-layer.ts";
export { Workers } from "./workers.ts";

/** `tsbox __unpack`; see worker.ts. */
export async function unpackWorkerMain(): Promise<number> {
  return (await import("./worker.ts")).unpackWorkerMain();
}
