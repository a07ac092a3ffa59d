/** The SIZE of `ps -s`. */
import type { ListedContainer } from "../container/list.ts";
import { sizesOfContainers } from "../container/size.ts";
import { readableSize } from "./readable.ts";

/** By id. @throws TsboxError `host` */
export async function sizeTexts(
  store: string,
  containers: readonly ListedContainer[],
): Promise<ReadonlyMap<string, string>> {
  const sizes = await sizesOfContainers(
    store,
    containers.map(({ record }) => record),
  );
  return new Map([...sizes].map(([id, size]) => [id, readableSize(size)]));
}
