/** Containers made from images. */
export { killContainer } from "./kill.ts";
export { findContainer, isContainerRunning, type ListedContainer, listContainers } from "./list.ts";
export { removeContainerFolder } from "./remove.ts";
export { type RunMode, runContainer } from "./run.ts";
export { parseEnv } from "./spec/environment.ts";
export type {
  MountRequest,
  NamespaceChoice,
  PullPolicy,
  RunOptions,
  SecurityOptions,
  StorageDriver,
} from "./spec/options.ts";
