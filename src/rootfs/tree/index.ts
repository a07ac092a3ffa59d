/** Trees of files that belong to subordinate ids: removing them, copying them. */
export { type CopyJob, copyTrees } from "./copy.ts";
export { removeTree } from "./remove.ts";

/** `tsbox __tree`; see flatten.ts. */
export async function treeWorkerMain(): Promise<number> {
  return (await import("./flatten.ts")).treeWorkerMain();
}
