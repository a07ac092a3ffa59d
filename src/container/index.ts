/** Containers made from images. */
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
