/** The lifecycle of OCI containers. runtime-spec runtime.md */
export type { CgroupManager } from "../cgroup/index.ts";
export { type CreateOptions, createContainer } from "./create.ts";
export { deleteContainer } from "./delete.ts";
export { discardContainer, removeLeftovers } from "./discard.ts";
export { exampleConfig } from "./example-config.ts";
export { type ExecOptions, execInContainer, readProcess } from "./exec.ts";
export { runtimeFeatures } from "./features.ts";
export { killContainer, parseSignal } from "./kill.ts";
export type { LifecycleMode } from "./plan.ts";
export { containerProcesses, pauseContainer, requireCgroup } from "./processes.ts";
export { startContainer } from "./start.ts";
export { type ContainerState, containerState } from "./state.ts";
export {
  defaultStateRoot,
  type LogTarget,
  listIds,
  openProcess,
  readRecord,
  type StateRecord,
} from "./state-folder.ts";
export { containerOomCount, containerStats, updateContainer } from "./update.ts";
