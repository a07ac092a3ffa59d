/** Trees of files that belong to subordinate ids: removing them, copying them, looking into stacks of them. */
export { type CopyJob, copyTrees } from "./copy.ts";
export { copyEntry, copyLook, type Place, setTimes } from "./copy-entry.ts";
export { countingLayers, findInStack, type InStack, resolveInStack } from "./layer-stack.ts";
export { type Descriptor, kernelPath, lookIn, openIn, openTree, readLinkIn } from "./open-tree.ts";
export { isOpaque, isWhiteout, setOpaque } from "./overlay-format.ts";
export { removeTree } from "./remove.ts";

/** `tsbox __tree`; see worker.ts. */
export async function treeWorkerMain(): Promise<number> {
  return (await import("./worker.ts")).treeWorkerMain();
}
