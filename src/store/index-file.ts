/** `index.json`: which images there are, by name. image-spec image-layout.md, "index.json File". */
import { TsboxError } from "../error.ts";
import { E, SyscallError } from "../linux/errno.ts";
import { lockFile } from "../linux/lock.ts";
import { readText } from "../linux/read-text.ts";
import { type Descriptor, type ImageIndex, INDEX, parseDocument, REF_NAME } from "../oci/index.ts";
import { writing } from "./failure.ts";
import { prepareLayout } from "./layout.ts";
import { flushFolder, replaceFile } from "./replace-file.ts";

/**
 * The name of an image that came from a path (`oci:/a/b:c`). The specification's annotation has a grammar, which allows
 * `docker.io/library/alpine:3.20` but not that.
 */
export const LOCAL_NAME = "tsbox.image.name";

/** With a digest it stands for an image that is here without a name: `localhost/unnamed@sha256:...`. Nothing is filed under it. */
export const NAMELESS = "localhost/unnamed";

// image-spec annotations.md, org.opencontainers.image.ref.name
const COMPONENT = "[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*";
const REF = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);

/** The name that an entry of the index has, if it has one. */
export function entryName({ annotations }: Pick<Descriptor, "annotations">): string | undefined {
  return annotations?.[REF_NAME] ?? annotations?.[LOCAL_NAME];
}

export class IndexFile {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  get path(): string {
    return `${this.#root}/index.json`;
  }

  /** Its text, undefined when there is no store yet. For start-up paths. @throws SyscallError */
  readText(): string | undefined {
    try {
      return readText(this.path);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === E.ENOENT) return undefined;
      throw error;
    }
  }

  /** An empty one when there is no store yet. @throws TsboxError `invalid` with the remedy */
  read(): ImageIndex {
    const text = this.readText();
    if (text === undefined) return { schemaVersion: 2, mediaType: INDEX, manifests: [] };
    try {
      const document = parseDocument(new TextEncoder().encode(text), INDEX, this.path);
      if (document.kind === "index") return document.index;
      throw new TsboxError("invalid", `cannot read ${this.path}: it is not an index`);
    } catch (cause) {
      if (!(cause instanceof TsboxError)) throw cause;
      const remedy =
        "move it away to begin with an empty list of images; what was fetched is found again when it is pulled";
      throw new TsboxError("invalid", `${cause.message}; ${remedy}`, { cause });
    }
  }

  /**
   * Replaces the list, atomically: other processes' changes are not lost, and readers see the old or the new one.
   *
   * @param change returns the new entries, or undefined to leave them as they are
   * @throws TsboxError `invalid`, `no-space`, `denied`, `io`
   */
  update(change: (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined): void {
    prepareLayout(this.#root);
    writing("the list of images", this.path, () => {
      using _lock = lockFile(`${this.#root}/index.lock`, { mode: "exclusive" });
      const index = this.read();
      const manifests = change(index.manifests);
      if (manifests === undefined) return;
      // the blobs' names must be on the disk before the list that leads to them
      flushFolder(`${this.#root}/blobs/sha256`);
      const text = `${JSON.stringify({ ...index, mediaType: INDEX, manifests })}\n`;
      // one name is enough: only the holder of the lock writes
      replaceFile(this.path, text, `${this.#root}/tmp/index.json`);
      flushFolder(this.#root);
    });
  }

  /** Keeps a document, whose blobs are all in the store, without a name. Idempotent. */
  keep({ mediaType, digest, size, platform }: Descriptor): void {
    this.update((entries) => {
      if (entries.some((entry) => entry.digest === digest)) return undefined;
      return [...entries, { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) }];
    });
  }

  /** Lets a name stand for a document, whose blobs are all in the store. What had the name before loses it. */
  set(name: string, descriptor: Descriptor): void {
    this.update((entries) => [
      ...entries.filter((entry) => entryName(entry) !== name),
      // nothing else of the source's descriptor: its annotations may give the image another name
      {
        mediaType: descriptor.mediaType,
        digest: descriptor.digest,
        size: descriptor.size,
        ...(descriptor.platform === undefined ? {} : { platform: descriptor.platform }),
        annotations: { [REF.test(name) ? REF_NAME : LOCAL_NAME]: name },
      },
    ]);
  }
}
