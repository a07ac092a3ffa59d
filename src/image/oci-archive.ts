/** `oci-archive:FILE[:TAG]`: a tar archive of an image layout. */

import { TsboxError } from "../error.ts";
import { blobPath, type Descriptor, DOCUMENT_LIMIT, type ImageSource, verifyBytes } from "../oci/index.ts";
import { Archive } from "./archive.ts";
import { checkLayoutMarker, pickFromIndex } from "./layout.ts";

class OciArchiveSource implements ImageSource {
  readonly name: string;
  readonly #archive: Archive;
  readonly #tag: string | undefined;

  constructor(name: string, archive: Archive, tag: string | undefined) {
    this.name = name;
    this.#archive = archive;
    this.#tag = tag;
  }

  async resolve() {
    const missing = "it is not an image layout: there is no file oci-layout in it";
    checkLayoutMarker(await this.#archive.read("oci-layout", DOCUMENT_LIMIT, missing), this.name);
    const index = await this.#archive.read("index.json", DOCUMENT_LIMIT, "the layout has no index.json");
    const descriptor = pickFromIndex(index, this.name, this.#tag);
    return { descriptor, bytes: await this.fetch(descriptor) };
  }

  async fetch(descriptor: Descriptor): Promise<Uint8Array> {
    const missing = `the blob ${descriptor.digest} is missing`;
    const bytes = await this.#archive.read(blobPath(descriptor.digest), DOCUMENT_LIMIT, missing);
    verifyBytes(bytes, descriptor, `${descriptor.digest} of ${this.name}`);
    return bytes;
  }

  async open({ digest }: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const member = this.#archive.find(blobPath(digest));
    if (member !== undefined) return this.#archive.slices(member, offset);
    throw new TsboxError("not-found", `cannot use ${this.name}: the blob ${digest} is missing`);
  }

  async close(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}

/**
 * @param scratch an existing folder, for an archive that is compressed
 * @throws TsboxError when the file cannot be read or is no archive
 */
export async function ociArchiveSource(path: string, tag: string | undefined, scratch: string): Promise<ImageSource> {
  const name = `oci-archive:${path}${tag === undefined ? "" : `:${tag}`}`;
  return new OciArchiveSource(name, await Archive.open(path, name, scratch), tag);
}
