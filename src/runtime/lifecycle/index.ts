/**
 * The lifecycle of OCI containers. runtime-spec runtime.md
 *
 * Each step is loaded when it is called: every command of a runtime is a program start, and most of what the others need would
 * be loaded for nothing.
 */
import type { LinuxResources, Process } from "../../oci/index.ts";
import type { CheckpointOptions } from "./checkpoint.ts";
import type { CreateOptions } from "./create.ts";
import type { ExecOptions } from "./exec.ts";
import type { RestoreOptions } from "./restore.ts";
import type { StateRecord } from "./state-folder.ts";

export type { CgroupManager } from "../cgroup/index.ts";
export type { CreateOptions } from "./create.ts";
export type { ExecOptions } from "./exec.ts";
export type { LifecycleMode } from "./plan.ts";
export type { ContainerState } from "./state.ts";
export {
  defaultStateRoot,
  holdStateFolder,
  type LogTarget,
  listIds,
  readRecord,
  type StateRecord,
} from "./state-folder.ts";

/** See `create.ts`. */
export async function createContainer(options: CreateOptions) {
  return await (await import("./create.ts")).createContainer(options);
}

/** See `start.ts`. */
export async function startContainer(root: string, id: string, warn: (message: string) => void): Promise<void> {
  await (await import("./start.ts")).startContainer(root, id, warn);
}

/** See `state.ts`. */
export async function containerState(root: string, id: string) {
  return await (await import("./state.ts")).containerState(root, id);
}

/** See `kill.ts`. @param signal a name or number */
export async function killContainer(root: string, id: string, signal: string, all: boolean): Promise<void> {
  const { killContainer, parseSignal } = await import("./kill.ts");
  await killContainer(root, id, parseSignal(signal), all);
}

/** See `delete.ts`. */
export async function deleteContainer(
  root: string,
  id: string,
  force: boolean,
  warn: (message: string) => void,
): Promise<void> {
  await (await import("./delete.ts")).deleteContainer(root, id, force, warn);
}

/** See `discard.ts`. */
export async function discardContainer(
  root: string,
  record: StateRecord,
  warn?: (message: string) => void,
  folder?: string,
): Promise<void> {
  await (await import("./discard.ts")).discardContainer(root, record, warn, folder);
}

/** See `discard.ts`. */
export async function removeLeftovers(
  root: string,
  record: StateRecord,
  warn?: (message: string) => void,
  folder?: string,
): Promise<void> {
  await (await import("./discard.ts")).removeLeftovers(root, record, warn, folder);
}

/** See `exec.ts`. */
export async function execInContainer(options: ExecOptions): Promise<never> {
  return await (await import("./exec.ts")).execInContainer(options);
}

/** See `exec.ts`. */
export async function readProcess(path: string): Promise<Process> {
  return await (await import("./exec.ts")).readProcess(path);
}

/** See `processes.ts`. */
export async function containerProcesses(root: string, id: string): Promise<number[]> {
  return await (await import("./processes.ts")).containerProcesses(root, id);
}

/** See `processes.ts`. */
export async function pauseContainer(root: string, id: string, pause: boolean): Promise<void> {
  await (await import("./processes.ts")).pauseContainer(root, id, pause);
}

/** See `update.ts`. */
export async function updateContainer(root: string, id: string, resources: LinuxResources): Promise<void> {
  await (await import("./update.ts")).updateContainer(root, id, resources);
}

/** See `update.ts`. */
export async function containerStats(root: string, id: string): Promise<object> {
  return await (await import("./update.ts")).containerStats(root, id);
}

/** See `update.ts`. */
export async function containerOomCount(root: string, id: string): Promise<number> {
  return await (await import("./update.ts")).containerOomCount(root, id);
}

/** See `features.ts`. */
export async function runtimeFeatures() {
  return await (await import("./features.ts")).runtimeFeatures();
}

/** See `example-config.ts`. */
export async function exampleConfig(rootless: boolean) {
  return (await import("./example-config.ts")).exampleConfig(rootless);
}

/** See `checkpoint.ts`. */
export async function checkpointContainer(options: CheckpointOptions): Promise<void> {
  await (await import("./checkpoint.ts")).checkpointContainer(options);
}

/** See `restore.ts`. */
export async function restoreContainer(options: RestoreOptions): Promise<number> {
  return await (await import("./restore.ts")).restoreContainer(options);
}
