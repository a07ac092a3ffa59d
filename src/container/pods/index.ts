/** Pods: containers that share namespaces. Loaded only when a container is in one. */
export { createPod, DEFAULT_SHARE, type NewPod } from "./create.ts";
export { findPod, listPods, type PodRecord, podFolder, podNamed, type SharedNamespace } from "./folder.ts";
export { holderOf } from "./holder.ts";
export { killPod, pausePod, startContainer, startPod, stopPod } from "./lifecycle.ts";
export { type RemovePodOptions, removePod } from "./remove.ts";
export { containersOf, membersByPod, type PodStatus, podStatus } from "./state.ts";
