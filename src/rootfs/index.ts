/** Root file systems: what they are made of and how they are mounted. */
export { addReadOnlyRoot, addRootMount, type MountedRoot, type RootMountContext } from "./mount.ts";
export { type FolderRoot, type LayeredRoot, mountPoint, type RootSource } from "./source.ts";
