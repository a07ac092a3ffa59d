/** Bringing a layer's blob from a source into the store. */
import { isTsboxError, TsboxError } from "../error.ts";
import type { Descriptor, ImageSource } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import type { OnPullEvent } from "./progress.ts";

/**
 * Brings a blob into the store.
 *
 * @param onBytes told how many bytes are in the growing file, before that is verified; fewer than before when it begins anew
 * @throws TsboxError, or the signal's reason; what came stays for the next try
 */
export type Download = (
  descriptor: Descriptor,
  signal: AbortSignal,
  onBytes?: (path: string, bytes: number) => void,
) => Promise<void>;

export function downloadFrom(source: ImageSource, store: Store, onEvent: OnPullEvent | undefined): Download {
  return async (descriptor, signal, onBytes) => {
    const { digest, size: total } = descriptor;
    const event = (bytes: number) => onEvent?.({ type: "layer", digest, state: "downloading", bytes, total });
    let path: string | undefined;
    try {
      await store.blobs.receive(descriptor, {
        open: (offset) => source.open(descriptor, offset),
        onFile: (_fd, file) => {
          path = file;
        },
        onProgress: (bytes) => {
          event(bytes);
          if (path !== undefined) onBytes?.(path, bytes);
        },
        onWaiting: event,
        signal,
      });
    } catch (error) {
      throw isTsboxError(error) && error.code === "not-found" ? elsewhere(source.name, descriptor, error) : error;
    }
  };
}

/** Layers that may not be distributed (Windows' own) are not in the registry, but at an address that their maker chose. */
function elsewhere(name: string, { digest, urls }: Descriptor, cause: TsboxError): TsboxError {
  if (urls === undefined || urls.length === 0) return cause;
  return new TsboxError(
    "unsupported",
    `cannot use ${name}: its layer ${digest} is not in there but elsewhere (${JSON.stringify(urls[0])}), and tsbox fetches from nowhere else`,
    { cause },
  );
}
