/**
 * What a running pull or unpacking needs and no image names yet. A lease is a folder, `tmp/lease-<id>`, whose file `lock` its
 * process holds: when the process ends, however it does, the kernel lets go, and the next garbage collection takes the rest.
 *
 * Write a lease before asking whether something is there; what is there then stays.
 */
import type { IdMapping } from "../idmap/index.ts";
import { lockFile } from "../linux/lock.ts";
import { randomHex } from "../linux/random.ts";
import { type Digest, digestHex } from "../oci/index.ts";
import { writing } from "./failure.ts";
import { holdStore } from "./hold.ts";
import { prepareLayout } from "./layout.ts";
import { fs } from "./node-fs.ts";

export interface Lease extends Disposable {
  readonly id: string;
  /** For files that are renamed into place; gone with the lease. */
  readonly folder: string;
  needBlobs(digests: Iterable<Digest>): void;
  needLayers(mapping: Pick<IdMapping, "name">, chainIDs: Iterable<Digest>): void;
}

/** `needs.json` of a lease. */
export interface LeaseNeeds {
  readonly blobs: readonly string[];
  /** `<mapping>/<chain id in hexadecimal>` */
  readonly layers: readonly string[];
}

export const LEASE_PREFIX = "lease-";

/** @throws TsboxError `no-space`, `denied`, `io` */
export function takeLease(root: string): Lease {
  prepareLayout(root);
  const id = randomHex(8);
  const folder = `${root}/tmp/${LEASE_PREFIX}${id}`;
  const blobs = new Set<string>();
  const layers = new Set<string>();
  // garbage collection never sees a lease that is not locked yet, or half a needs.json
  const lock = writing("images", folder, () => {
    using _held = holdStore(root);
    fs().mkdirSync(folder, { mode: 0o700 });
    return lockFile(`${folder}/lock`, { mode: "exclusive" });
  });
  const write = () =>
    writing("images", folder, () => {
      using _held = holdStore(root);
      const needs: LeaseNeeds = { blobs: [...blobs], layers: [...layers] };
      fs().writeFileSync(`${folder}/needs.json`, JSON.stringify(needs));
    });
  return {
    id,
    folder,
    needBlobs(digests) {
      for (const digest of digests) blobs.add(digest);
      write();
    },
    needLayers({ name }, chainIDs) {
      for (const chainID of chainIDs) layers.add(`${name}/${digestHex(chainID)}`);
      write();
    },
    [Symbol.dispose]() {
      fs().rmSync(folder, { recursive: true, force: true });
      lock[Symbol.dispose]();
    },
  };
}
