/** Pods from YAML of Kubernetes, and the other way round. */
export type { KubeFile } from "./documents.ts";
export { type Generated, generateKube } from "./generate.ts";
export { type Played, type PlayOptions, playKube, readKube } from "./play.ts";
