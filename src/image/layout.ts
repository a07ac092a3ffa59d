/** `oci:PATH[:TAG]`: an image layout in a folder (image-spec image-layout.md). */
import { TsboxError } from "../error.ts";
import {
  blobPath,
  type Descriptor,
  DOCUMENT_LIMIT,
  type ImageSource,
  INDEX,
  parseDocument,
  parseJSON,
  REF_NAME,
  verifyBytes,
} from "../oci/index.ts";

/** How much of a blob is read at a time: few calls, and small enough to stay in a processor's cache until it is hashed and written. */
const CHUNK = 512 * 1024;

/**
 * The image that a layout's index.json names. Without a tag there must be only one.
 *
 * @param files reads the layout's files: a folder's, or an archive's
 * @throws TsboxError `not-found` with the names that there are
 */
export function pickFromIndex(bytes: Uint8Array, name: string, tag: string | undefined): Descriptor {
  const document = parseDocument(bytes, INDEX, `index.json of ${name}`);
  if (document.kind !== "index") throw new TsboxError("invalid", `cannot read ${name}: its index.json is not an index`);
  const { manifests } = document.index;
  const named = (descriptor: Descriptor) => descriptor.annotations?.[REF_NAME];
  if (manifests.length === 0) throw new TsboxError("not-found", `cannot use ${name}: the layout has no image`);
  const list = [...new Set(manifests.flatMap((descriptor) => named(descriptor) ?? []))].join(", ");
  if (tag !== undefined) {
    const found = manifests.find((descriptor) => named(descriptor) === tag || descriptor.digest === tag);
    if (found !== undefined) return found;
    throw new TsboxError(
      "not-found",
      `cannot use ${name}: no image is named ${JSON.stringify(tag)}; ${list === "" ? "none has a name" : `there is ${list}`}`,
    );
  }
  const [only, ...others] = manifests;
  if (only !== undefined && others.length === 0) return only;
  throw new TsboxError("usage", `cannot use ${name}: it has ${manifests.length} images; name one of ${list}`);
}

/** Checks `oci-layout`, which says that a folder or archive is one. */
export function checkLayoutMarker(bytes: Uint8Array, name: string): void {
  const { imageLayoutVersion } = parseJSON(bytes, `oci-layout of ${name}`);
  if (imageLayoutVersion === "1.0.0") return;
  throw new TsboxError(
    "unsupported",
    `cannot use ${name}: it is a layout of version ${JSON.stringify(imageLayoutVersion)}, and tsbox knows 1.0.0`,
  );
}

class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #path: string;
  readonly #tag: string | undefined;

  constructor(path: string, tag: string | undefined) {
    this.name = `oci:${path}${tag === undefined ? "" : `:${tag}`}`;
    this.#path = path;
    this.#tag = tag;
  }

  async #read(file: string, missing: string): Promise<Uint8Array> {
    const handle = Bun.file(`${this.#path}/${file}`);
    if (!(await handle.exists())) throw new TsboxError("not-found", `cannot use ${this.name}: ${missing}`);
    if (handle.size > DOCUMENT_LIMIT)
      throw new TsboxError("invalid", `cannot use ${this.name}: ${file} is larger than ${DOCUMENT_LIMIT} bytes`);
    return await handle.bytes();
  }

  async resolve() {
    checkLayoutMarker(
      await this.#read("oci-layout", `${this.#path} is not an image layout: it has no file oci-layout`),
      this.name,
    );
    const index = await this.#read("index.json", "the layout has no index.json");
    const descriptor = pickFromIndex(index, this.name, this.#tag);
    return { descriptor, bytes: await this.fetch(descriptor) };
  }

  async fetch(descriptor: Descriptor): Promise<Uint8Array> {
    const bytes = await this.#read(blobPath(descriptor.digest), `the blob ${descriptor.digest} is missing`);
    verifyBytes(bytes, descriptor, `${descriptor.digest} of ${this.name}`);
    return bytes;
  }

  async open(descriptor: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const path = `${this.#path}/${blobPath(descriptor.digest)}`;
    if (!(await Bun.file(path).exists()))
      throw new TsboxError("not-found", `cannot use ${this.name}: the blob ${descriptor.digest} is missing`);
    return slices(path, offset);
  }

  async close(): Promise<void> {}
}

/** Pieces that are valid until the next is asked for. New memory for each would cost more than reading it. */
async function* slices(path: string, offset: number): AsyncIterable<Uint8Array> {
  const { open } = await import("node:fs/promises");
  const handle = await open(path, "r");
  try {
    const buffer = new Uint8Array(CHUNK);
    for (let at = offset; ; ) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** @param path absolute, or relative to the working folder */
export function layoutSource(path: string, tag: string | undefined): ImageSource {
  return new LayoutSource(path, tag);
}
