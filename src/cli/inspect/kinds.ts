/** What `tsbox inspect` finds: a line for each kind of thing, in the order in which they are looked for. */

/** What is known of a thing, as JSON. */
export type Inspected = Readonly<Record<string, unknown>>;

/**
 * @param store the store's folder
 * @returns the thing of that name or id
 * @throws TsboxError `not-found` when there is none; then the next kind is looked for
 */
export type Inspector = (store: string, name: string, withSize: boolean) => Promise<Inspected>;

export const KINDS: ReadonlyMap<string, () => Promise<Inspector>> = new Map([
  ["container", async () => (await import("./container.ts")).inspectContainer],
  ["image", async () => (await import("./image.ts")).inspectImage],
  ["volume", async () => (await import("../volume/list.ts")).inspectVolume],
  ["network", async () => (await import("../network/inspect.ts")).inspectNetwork],
  ["pod", async () => (await import("../pod/inspect.ts")).inspectPod],
]);
