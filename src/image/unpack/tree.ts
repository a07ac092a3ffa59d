/** The folders and whiteouts of the tree that is being made, which is this process's root. */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_PATH, S_IFCHR, SYS } from "../../linux/abi.gen.ts";
import { E, SyscallError } from "../../linux/errno.ts";
import { statBytes } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { isWhiteout } from "../../rootfs/tree/index.ts";
import { kernelPath, parentOf, pathOfBytes, shownPath } from "./bytes.ts";
import { checkEntry, entryFailure } from "./failure.ts";
import { removeInside } from "./remove-inside.ts";

const OPAQUE = Buffer.from("user.overlay.opaque\0");
const YES = Buffer.from("y");
/** As many as the kernel follows in one path, path_resolution(7). */
const MOST_LINKS = 40;

export interface Found {
  readonly isFolder: boolean;
  readonly isLink: boolean;
  /** Overlay's sign that a name of the layers below is gone. */
  readonly isWhiteout: boolean;
  readonly inode: bigint;
}

export class Tree {
  /** Folders that the archive has things in without listing them, so far. */
  readonly implied = new Set<string>();
  /** Others that it does not list: they hide those below, and so look like none of them. */
  readonly fresh = new Set<string>();
  /** Names that were hidden; something may have taken their place since. */
  readonly whiteouts = new Set<string>();
  /** Whether the root hides all of the layers below. */
  opaque = false;
  /** Paths known to lead to a folder, by way of links perhaps. */
  #known = new Set<string>([""]);

  /** What is there by that name, a final link not followed. */
  look(path: string): Found | undefined {
    try {
      const stat = statBytes(kernelPath(path));
      return { isFolder: stat.isFolder, isLink: stat.isLink, isWhiteout: isWhiteout(stat), inode: stat.ino };
    } catch (error) {
      if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) return undefined;
      throw error instanceof SyscallError ? entryFailure("stat", error.errno, path) : error;
    }
  }

  /**
   * Makes the folder that an entry goes into, and those above it, where the archive has not listed them.
   * @throws TsboxError `invalid` when something else is in the way
   */
  makeParents(path: string, links = 0): void {
    if (this.#known.has(path)) return;
    let made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
    if (made === -E.ENOENT || made === -E.ENOTDIR) {
      this.makeParents(parentOf(path), links);
      made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
    }
    if (made === -E.EEXIST) this.#useParent(path, links);
    else {
      checkEntry("mkdir", made, path);
      this.implied.add(path);
    }
    this.#known.add(path);
  }

  #useParent(path: string, links: number): void {
    const fd = syscall(SYS.openat, AT_FDCWD, kernelPath(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
      syscall(SYS.close, fd);
      return;
    }
    const found = this.look(path);
    if (found?.isWhiteout) {
      this.makeFolder(path);
      this.fresh.add(path);
    } else if (found?.isLink && links < MOST_LINKS) {
      // its target is in a lower layer, or comes later: as a folder it is what the entries below this name need
      this.makeParents(this.#target(path), links + 1);
    } else {
      throw new TsboxError(
        "invalid",
        `cannot unpack: the archive has entries below ${shownPath(path)}, which is no folder`,
      );
    }
  }

  /** Where a link leads, with this tree as the root. */
  #target(path: string): string {
    const buffer = new Uint8Array(4096);
    const size = checkEntry(
      "readlink",
      syscall(SYS.readlinkat, AT_FDCWD, kernelPath(path), buffer, buffer.length),
      path,
    );
    const target = pathOfBytes(buffer.subarray(0, size));
    const parts: string[] = [];
    for (const part of (target.startsWith("/") ? target : `${parentOf(path)}/${target}`).split("/")) {
      // the root's parent is the root, path_resolution(7): images have links with more ".." than they need
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    return parts.join("/");
  }

  /** A folder by that name, whatever was there; one that is there stays, with what it holds. Its look comes last. */
  makeFolder(path: string): void {
    let made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
    if (made === -E.EEXIST) {
      const found = this.look(path);
      if (found?.isFolder !== true) {
        this.remove(path);
        made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
        // the one below is hidden: this one is new, and shows nothing of it
        if (found?.isWhiteout && made === 0) this.makeOpaque(path);
      }
    }
    if (made !== -E.EEXIST) checkEntry("mkdir", made, path);
    this.#known.add(path);
    this.implied.delete(path);
  }

  makeOpaque(path: string): void {
    if (path === "") this.opaque = true;
    else checkEntry("setxattr", syscall(SYS.setxattr, kernelPath(path), OPAQUE, YES, 1, 0), path);
  }

  /** Hides a name of the layers below. What this layer has by that name stays, wherever in the archive it stands. */
  hide(path: string): void {
    const made = syscall(SYS.mknodat, AT_FDCWD, kernelPath(path), S_IFCHR, 0);
    if (made === -E.EEXIST) {
      if (this.look(path)?.isFolder !== true) return;
      this.makeOpaque(path);
      if (this.implied.delete(path)) this.fresh.add(path);
      return;
    }
    checkEntry("mknod", made, path);
    this.whiteouts.add(path);
  }

  /** Removes what is there, with all it holds. */
  remove(path: string): void {
    const result = syscall(SYS.unlinkat, AT_FDCWD, kernelPath(path), 0);
    if (result === -E.EISDIR || result === -E.EPERM) {
      if (syscall(SYS.unlinkat, AT_FDCWD, kernelPath(path), AT_REMOVEDIR) !== 0) removeInside(path);
      for (const known of this.implied) if (known === path || known.startsWith(`${path}/`)) this.implied.delete(known);
    } else if (result !== -E.ENOENT) checkEntry("unlink", result, path);
    // rare, and links may have led through it
    this.#known = new Set([""]);
  }
}
