/** The store: images, layers and what containers need of them, on disk. */
export { type Collected, type CollectOptions, collectGarbage } from "./collect.ts";
export { type ContainerNeeds, type ContainerUse, readContainers } from "./containers.ts";
export { storeFolder } from "./folder.ts";
export { entryName, LOCAL_NAME, NAMELESS } from "./index-file.ts";
export type { Lease } from "./lease.ts";
export type { Received, ReceiveOptions } from "./receive.ts";
export { type LocalImage, readImage, resolveLocal } from "./resolve.ts";
export { openStore, type Store } from "./store.ts";
