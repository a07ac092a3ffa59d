/** Containers made from images. */
export type { RestartPolicy } from "./folder.ts";
export { findContainer, isUp, type ListedContainer, listContainers, listRecords } from "./list.ts";
export { discardContainer } from "./remove.ts";
export { createContainer, type RunMode, runContainer } from "./run.ts";
export { parseEnv } from "./spec/environment.ts";
export type {
  CgroupsMode,
  HealthOptions,
  IpcChoice,
  LogOptions,
  MountRequest,
  NamespaceChoice,
  PidChoice,
  PullPolicy,
  RunOptions,
  SdNotify,
  SecurityOptions,
  StorageDriver,
} from "./spec/options.ts";
