/** Volumes: data that outlives containers. Loaded only when a container has one. */
export { type VolumeKind, type VolumeOptions, volumeKind } from "./options.ts";
export { type PreparedVolumes, prepareVolumes } from "./prepare.ts";
export { recordMounts } from "./record.ts";
export { listVolumes, pruneVolumes, removeAnonymousVolumes, removeVolume } from "./remove.ts";
export { type ResolvedVolumes, type ResolveOptions, resolveVolumes } from "./resolve.ts";
export { exportVolume, importVolume } from "./transfer.ts";
export { volumeUsers } from "./use.ts";
export { createVolume, findVolume, requireVolume, type Volume, volumeData, volumeFolder } from "./volume.ts";
