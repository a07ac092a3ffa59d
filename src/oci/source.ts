/** Where images are read from. A registry, a layout and an archive implement the same few operations. */
import type { Descriptor } from "./types.ts";

export interface ImageSource {
  /** For messages: `docker.io/library/alpine:3.20`, `oci:/path:tag`. */
  readonly name: string;
  /** The top document, an index or a manifest, with its digest verified. */
  resolve(): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>;
  /** A small document (manifest, configuration): at most 4 MiB, digest and size verified. */
  fetch(descriptor: Descriptor): Promise<Uint8Array>;
  /** A blob's bytes from `offset` on, in pieces that are valid until the next is asked for. Not verified; who stores them does that. */
  open(descriptor: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>>;
  /** Lets go of connections and files. */
  close(): Promise<void>;
}
