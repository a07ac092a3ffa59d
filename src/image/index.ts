/** Images: pulling, reading other transports, unpacking. What needs the network or workers is loaded when it is used. */
export { ensureImage, type PullPolicy, shownName } from "./ensure.ts";
export type { OnPullEvent, PullEvent } from "./progress.ts";
export type { PullOptions } from "./pull.ts";
export type { SourceOptions } from "./source.ts";
