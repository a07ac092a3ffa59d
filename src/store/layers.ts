/**
 * Unpacked layers: `layers/<mapping>/<chain id>/`. One that has its name is whole.
 *
 * A tree grows beside its place, as `.new-<lease>-<n>`, and not in `tmp/`: rename(2) to another parent writes the folder's
 * `..`, which the kernel refuses to a person for a folder of mode 0555 (Fedora's root folder) or of another id.
 */
import type { IdMapping } from "../idmap/index.ts";
import { AT_FDCWD, RENAME_NOREPLACE, SYS } from "../linux/abi.gen.ts";
import { check, E } from "../linux/errno.ts";
import { type FileLock, lockFileWhenFree } from "../linux/lock.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { makeFolder } from "../linux/write-text.ts";
import { type Digest, digestHex } from "../oci/index.ts";
import { writing } from "./failure.ts";
import { prepareLayout } from "./layout.ts";
import type { Lease } from "./lease.ts";

type Mapping = Pick<IdMapping, "name">;

export const STAGED_PREFIX = ".new-";
/** Out of its place, waiting to be removed. */
export const DEAD_PREFIX = ".dead-";
export const CLAIM_PREFIX = "claim-";

let staged = 0;

export class Layers {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Where the layers of a mapping are; absolute. */
  folder(mapping: Mapping): string {
    return `${this.#root}/layers/${mapping.name}`;
  }

  path(mapping: Mapping, chainID: Digest): string {
    return `${this.folder(mapping)}/${digestHex(chainID)}`;
  }

  has(mapping: Mapping, chainID: Digest): boolean {
    return exists(this.path(mapping, chainID));
  }

  /** Those that are not unpacked for this mapping. */
  missing(mapping: Mapping, chainIDs: readonly Digest[]): Digest[] {
    return chainIDs.filter((chainID) => !this.has(mapping, chainID));
  }

  /**
   * Makes an empty folder to unpack a layer into, for {@link publish}. Without that it is garbage when the lease ends.
   * @throws TsboxError `no-space`, `denied`, `io`
   */
  stage(lease: Lease, mapping: Mapping): string {
    prepareLayout(this.#root);
    const folder = this.folder(mapping);
    const path = `${folder}/${STAGED_PREFIX}${lease.id}-${staged++}`;
    writing("a layer", folder, () => {
      makeFolder(folder, 0o700);
      makeFolder(path, 0o755);
    });
    return path;
  }

  /**
   * Puts a whole tree into its place. Atomic.
   * @returns false when another pull was faster; the tree is then still the caller's, who removes it
   * @throws TsboxError
   */
  publish(path: string, mapping: Mapping, chainID: Digest): boolean {
    const target = this.path(mapping, chainID);
    return writing(`layer ${chainID}`, target, () => {
      const call = (flags: number) => syscall(SYS.renameat2, AT_FDCWD, cstring(path), AT_FDCWD, cstring(target), flags);
      let result = call(RENAME_NOREPLACE);
      // a file system that does not know the flag (NFS): a plain rename also replaces an empty folder, which is the same layer then
      if (result === -E.EINVAL) result = call(0);
      if (result === -E.EEXIST || result === -E.ENOTEMPTY) return false;
      check("renameat2", result, target);
      return true;
    });
  }

  /**
   * Waits until no other process is unpacking this layer, and keeps others waiting until disposed: a second pull of an image
   * would otherwise do all the work again. Take those of an image in its order, lowest first, and look with {@link has} then.
   *
   * @param onWaiting called again and again while another has it
   * @throws the signal's reason
   */
  async claim(mapping: Mapping, chainID: Digest, signal?: AbortSignal, onWaiting?: () => void): Promise<FileLock> {
    prepareLayout(this.#root);
    const path = `${this.#root}/tmp/${CLAIM_PREFIX}${mapping.name}-${digestHex(chainID)}`;
    return await lockFileWhenFree(path, { mode: "exclusive", signal, onWaiting });
  }
}
