/** Containers made from images. */
export { killContainer } from "./kill.ts";
export { findContainer, isContainerRunning, type ListedContainer, listContainers } from "./list.ts";
export { removeContainerFolder } from "./remove.ts";
export { type RunMode, runContainer } from "./run.ts";
export { mergeEnv, parseEnv, parseEnvFile } from "./spec/environment.ts";
export { parseDevice, parseMount, parseTmpfs, parseVolume } from "./spec/mount-flags.ts";
export type {
  MountRequest,
  NamespaceChoice,
  PullPolicy,
  RunOptions,
  SecurityOptions,
  StorageDriver,
} from "./spec/options.ts";
export { parseSignal } from "./spec/signal.ts";
export { parseBytes, parseCpus, parsePair, parseUlimit } from "./spec/units.ts";
