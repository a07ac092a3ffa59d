/** Content-addressed files: `blobs/<algorithm>/<hex>`. One that has its name is whole, verified and flushed. */

import { TsboxError } from "../error.ts";
import { E, reasonOf } from "../linux/errno.ts";
import { statIfPresent } from "../linux/stat.ts";
import { blobPath, type Descriptor, type Digest, DOCUMENT_LIMIT, digestAlgorithm, verifyBytes } from "../oci/index.ts";
import { type Composer, composeBlob } from "./compose.ts";
import { errnoOf, writing } from "./failure.ts";
import { hashFile } from "./hash-file.ts";
import { prepareLayout } from "./layout.ts";
import type { Lease } from "./lease.ts";
import { fs } from "./node-fs.ts";
import { type Received, type ReceiveOptions, receiveBlob } from "./receive.ts";
import { replaceFile } from "./replace-file.ts";

export class Blobs {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Absolute. The blob need not be there. */
  path(digest: Digest): string {
    return `${this.#root}/${blobPath(digest)}`;
  }

  /** Whether it is there with that size: another size is a damaged file, which the next {@link receive} replaces. */
  has({ digest, size }: Pick<Descriptor, "digest" | "size">): boolean {
    const stat = statIfPresent(this.path(digest));
    return stat?.isFile === true && stat.size === size;
  }

  /** In bytes; undefined when it is not there. */
  size(digest: Digest): number | undefined {
    return statIfPresent(this.path(digest))?.size;
  }

  /**
   * A manifest, index or configuration, verified.
   *
   * @throws TsboxError `not-found`, or `integrity` naming the file and the remedy
   */
  readDocument(descriptor: Pick<Descriptor, "digest" | "size">): Uint8Array {
    const path = this.path(descriptor.digest);
    let bytes: Uint8Array;
    try {
      const size = fs().statSync(path).size;
      bytes = size > DOCUMENT_LIMIT ? new Uint8Array() : fs().readFileSync(path);
    } catch (cause) {
      const missing = errnoOf(cause) === E.ENOENT;
      const reason = missing ? "it is not in the store" : reasonOf(cause);
      throw new TsboxError(missing ? "not-found" : "io", `cannot read blob ${descriptor.digest}: ${reason}`, { cause });
    }
    try {
      verifyBytes(bytes, { mediaType: "", ...descriptor }, descriptor.digest);
    } catch (cause) {
      throw damaged(descriptor.digest, path, cause);
    }
    return bytes;
  }

  /**
   * Stores a small document whole. Idempotent; a damaged file of that name is replaced.
   *
   * @throws TsboxError `integrity` when the bytes are not what the descriptor says, `no-space`, `denied`, `io`
   */
  putDocument(lease: Lease, descriptor: Descriptor, bytes: Uint8Array): void {
    const { digest } = descriptor;
    verifyBytes(bytes, descriptor, digest);
    const path = this.path(digest);
    if (this.#isSame(path, bytes)) return;
    prepareLayout(this.#root);
    writing(`blob ${digest}`, path, () => {
      fs().mkdirSync(`${this.#root}/blobs/${digestAlgorithm(digest)}`, { recursive: true, mode: 0o700 });
      replaceFile(path, bytes, `${lease.folder}/document`);
    });
  }

  #isSame(path: string, bytes: Uint8Array): boolean {
    if (statIfPresent(path)?.size !== bytes.length) return false;
    return fs().readFileSync(path).equals(bytes);
  }

  /** Brings a blob in: see {@link receiveBlob}. */
  async receive(descriptor: Descriptor, options: ReceiveOptions): Promise<Received> {
    return await receiveBlob(this.#root, this.path(descriptor.digest), descriptor, options);
  }

  /** Stores a blob whose digest is not known yet: see {@link composeBlob}. */
  compose(lease: Lease): Composer {
    prepareLayout(this.#root);
    return composeBlob(this.#root, lease);
  }

  /** Reads all of a blob and compares it with its name. False also when it is not there. */
  async verify({ digest, size }: Pick<Descriptor, "digest" | "size">): Promise<boolean> {
    if (!this.has({ digest, size })) return false;
    const hash = new Bun.CryptoHasher(digestAlgorithm(digest));
    await hashFile(this.path(digest), hash);
    return digest === `${digestAlgorithm(digest)}:${hash.digest("hex")}`;
  }

  /** Removes a blob that turned out to be damaged, so that the next pull fetches it. */
  discard(digest: Digest): void {
    fs().rmSync(this.path(digest), { force: true });
  }
}

function damaged(digest: Digest, path: string, cause: unknown): TsboxError {
  return new TsboxError(
    "integrity",
    `cannot use blob ${digest}: the file ${path} is damaged; pull the image again to replace it`,
    { cause, context: { digest, path } },
  );
}
