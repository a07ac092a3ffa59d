/** Images: pulling, reading other transports, unpacking. What needs the network or workers is loaded when it is used. */
export { ensureImage, findImage, type PullPolicy, shownName } from "./ensure.ts";
export { type ListedImage, listImages } from "./list.ts";
export type { OnPullEvent, PullEvent } from "./progress.ts";
export type { PullOptions } from "./pull.ts";
export { removeImage } from "./remove.ts";
export type { SourceOptions } from "./source.ts";
