/** The store on disk: `DESIGN.md`, "Store". */
import type { FileLock } from "../linux/lock.ts";
import { type Descriptor, parseDocument, parseImageConfig } from "../oci/index.ts";
import { Blobs } from "./blobs.ts";
import { storeFolder } from "./folder.ts";
import { holdStore } from "./hold.ts";
import { IndexFile } from "./index-file.ts";
import { Layers } from "./layers.ts";
import { prepareLayout } from "./layout.ts";
import { type Lease, takeLease } from "./lease.ts";

export class Store {
  /** Absolute. */
  readonly root: string;
  readonly blobs: Blobs;
  readonly index: IndexFile;
  readonly layers: Layers;

  constructor(root: string) {
    this.root = root;
    this.blobs = new Blobs(root);
    this.index = new IndexFile(root);
    this.layers = new Layers(root);
  }

  /**
   * Keeps garbage collection out while something is looked up and made reachable: from `resolveLocal` until the container's
   * `container.json` is written. Milliseconds; for longer work there is {@link lease}.
   */
  hold(): FileLock {
    return holdStore(this.root);
  }

  /** Keeps out whoever looks something up to make it reachable: while what nothing needs is taken out of the index. Milliseconds. */
  holdAlone(): FileLock {
    return holdStore(this.root, "exclusive");
  }

  /** Keeps what a pull needs until the lease is disposed, or this process ends. Write it before asking what is there. */
  lease(): Lease {
    return takeLease(this.root);
  }

  /** A folder for large files that have no name or are gone soon; on the same file system as the rest. @throws TsboxError */
  scratch(): string {
    prepareLayout(this.root);
    return `${this.root}/tmp`;
  }

  /**
   * A document by the book: its digest, its schema.
   * @throws TsboxError `integrity` or `invalid`, naming the blob
   */
  readCarefully(descriptor: Descriptor, kind: "document" | "config"): Record<string, unknown> {
    const bytes = this.blobs.readDocument(descriptor);
    const what = `blob ${descriptor.digest}`;
    if (kind === "config") return { ...parseImageConfig(bytes, what) };
    const document = parseDocument(bytes, descriptor.mediaType, what);
    return { ...(document.kind === "index" ? document.index : document.manifest) };
  }
}

/** Cheap: nothing is made or read until it is needed. @throws TsboxError `host` when no variable says where it is */
export function openStore(root: string = storeFolder()): Store {
  return new Store(root);
}
