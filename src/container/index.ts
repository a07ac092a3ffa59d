/** Containers made from images. */
export type { RestartPolicy } from "./folder.ts";
export { findContainer, isContainerRunning, type ListedContainer, listContainers } from "./list.ts";
export { discardContainer } from "./remove.ts";
export { createContainer, type RunMode, runContainer } from "./run.ts";
export { parseEnv } from "./spec/environment.ts";
export type {
  HealthOptions,
  LogOptions,
  MountRequest,
  NamespaceChoice,
  PullPolicy,
  RunOptions,
  SecurityOptions,
  StorageDriver,
} from "./spec/options.ts";
