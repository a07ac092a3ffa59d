/**
 * From an archive into a folder that is there. The archive is a container's or a person's: every member is made by a single name in an open
 * folder below the destination, which no link of the archive or of the destination leads out of, and nothing is written through what
 * was there before.
 */
import { TsboxError } from "../../error.ts";
import { baseOf, cleanPath, type Member, parentOf, pathOfBytes, type Sink } from "../../image/tar-reader/index.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  S_IFIFO,
  SYS,
} from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { isMountRoot } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, kernelPath, lookIn, openIn } from "../../rootfs/tree/index.ts";
import { Looks, type OwnerRule } from "./looks.ts";
import { owned, shown } from "./place.ts";

/** Where members go. */
export interface Destination {
  readonly folder: Descriptor;
  /** @param name clean, without a slash at either end. @returns a path below the folder; "" is the folder itself */
  pathOf(name: string): string;
  /** Opens the folder that a member goes into. @throws SyscallError */
  openParent(path: string): Descriptor;
}

export interface ExtractOptions {
  readonly owner: OwnerRule;
  readonly ownersRecorded: boolean;
  /** Whether the destination is not in a container. */
  readonly onHost: boolean;
  /** Called once, when it is known whether a folder comes. */
  readonly choose: (firstIsFolder: boolean) => Destination;
}

export class Extractor implements Sink {
  readonly #options: ExtractOptions;
  readonly #looks: Looks;
  #destination: Destination | undefined;
  #parent: { readonly path: string; readonly folder: Descriptor } | undefined;
  /** Files that this made: hard links lead to no others. */
  readonly #made = new Set<string>();
  readonly #folders: { readonly path: string; readonly member: Member }[] = [];
  #file:
    | { readonly own: Descriptor; readonly member: Member; readonly path: string; readonly isNew: boolean }
    | undefined;
  /** Device nodes, which are not made. */
  devices = 0;

  constructor(options: ExtractOptions) {
    this.#options = options;
    this.#looks = new Looks(options.owner, options.ownersRecorded, options.onHost);
  }

  begin(member: Member): void {
    const { type } = member;
    const raw = pathOfBytes(member.name);
    const isFolder = type === "5" || (type === "0" && raw.endsWith("/"));
    this.#destination ??= this.#options.choose(isFolder);
    const path = this.#destination.pathOf(cleanPath(raw, "the entry"));
    if (isFolder) this.#folder(path, member);
    else if (path === "") throw new TsboxError("invalid", "cannot copy: an entry would replace the destination itself");
    else if (type === "0" || type === "7" || type === "S") this.#open(path, member);
    else if (type === "1") this.#link(path, member);
    else if (type === "2") {
      const target = Buffer.from(`${pathOfBytes(member.linkName)}\0`, "latin1");
      this.#put(path, "symlinkat", (dir, name) => syscall(SYS.symlinkat, target, dir, name));
      this.#looks.ofName(this.#parentOf(path), baseOf(path), member, path);
    } else if (type === "6") {
      this.#put(path, "mknodat", (dir, name) => syscall(SYS.mknodat, dir, name, S_IFIFO | (member.mode & 0o777), 0));
      this.#looks.ofName(this.#parentOf(path), baseOf(path), member, path);
    } else this.devices++;
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#file === undefined) return;
    const { own, path } = this.#file;
    for (let at = 0; at < bytes.length; ) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      at += check("write", syscall(SYS.pwrite64, own.fd, rest, rest.length, offset + at), path);
    }
  }

  end(): void {
    if (this.#file === undefined) return;
    const { own, member, path } = this.#file;
    this.#file = undefined;
    using _closed = own;
    if (member.sparse !== undefined) check("ftruncate", syscall(SYS.ftruncate, own.fd, member.sparse.size), path);
    this.#looks.ofOpen(own, member, path);
  }

  /** Call it after the last member: folders get their look last, because what is made in them changes it. */
  finish(): void {
    for (const { path, member } of this.#folders.toReversed()) {
      using own = this.#openFolder(path);
      this.#looks.ofOpen(own, member, path);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.own[Symbol.dispose]();
    // a part of a file would be taken for the whole
    if (this.#file?.isNew) {
      const { path } = this.#file;
      syscall(SYS.unlinkat, this.#parentOf(path).fd, kernelPath(baseOf(path)), 0);
    }
    this.#parent?.folder[Symbol.dispose]();
  }

  #target(): Destination {
    if (this.#destination === undefined) throw new TsboxError("internal", "cannot copy: there is no destination");
    return this.#destination;
  }

  /** The open folder that something goes into; members of one folder come one after the other. */
  #parentOf(path: string): Descriptor {
    const parent = parentOf(path);
    if (this.#parent?.path !== parent) {
      const folder = this.#target().openParent(parent);
      this.#parent?.folder[Symbol.dispose]();
      this.#parent = { path: parent, folder };
    }
    return this.#parent.folder;
  }

  #openFolder(path: string): Descriptor {
    if (path === "") return openIn(this.#target().folder, "", O_RDONLY | O_DIRECTORY);
    return openIn(this.#parentOf(path), baseOf(path), O_RDONLY | O_DIRECTORY);
  }

  /** One that is there is filled, and keeps its look unless owners are to be kept too: as with `cp -r` and `cp -a`. */
  #folder(path: string, member: Member): void {
    const isOwn = path === "";
    const made = isOwn ? -E.EEXIST : syscall(SYS.mkdirat, this.#parentOf(path).fd, kernelPath(baseOf(path)), 0o700);
    if (made === -E.EEXIST) {
      const there = isOwn ? undefined : lookIn(this.#parentOf(path), baseOf(path));
      if (!isOwn && !there?.isFolder) throw clash(path, "a folder", "what is no folder");
      if (this.#options.owner === "archive") this.#folders.push({ path, member });
      return;
    }
    check("mkdir", made, path);
    this.#folders.push({ path, member });
  }

  #open(path: string, member: Member): void {
    const parent = this.#parentOf(path);
    const name = baseOf(path);
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const mounted = openMounted(parent, name);
    const own = mounted ?? owned(this.#put(path, "open", (dir, at) => syscall(SYS.openat, dir, at, flags, 0o600)));
    this.#file = { own, member, path, isNew: mounted === undefined };
    this.#made.add(path);
  }

  #link(path: string, member: Member): void {
    const target = this.#target().pathOf(cleanPath(pathOfBytes(member.linkName), "the link's target"));
    if (!this.#made.has(target)) {
      const where = JSON.stringify(shown(target));
      throw new TsboxError(
        "invalid",
        `cannot copy ${JSON.stringify(shown(path))}: it is a link to ${where}, which is not copied`,
      );
    }
    using from = this.#target().openParent(parentOf(target));
    // a link that took the target's place is linked itself, not followed: linkat(2) without AT_SYMLINK_FOLLOW
    this.#put(path, "link", (dir, name) => syscall(SYS.linkat, from.fd, kernelPath(baseOf(target)), dir, name, 0));
    this.#made.add(path);
  }

  /** Makes something; what has its name gives way, but for a folder. */
  #put(path: string, call: string, make: (dir: number, name: Uint8Array) => number): number {
    const { fd } = this.#parentOf(path);
    const name = kernelPath(baseOf(path));
    let result = make(fd, name);
    if (result === -E.EEXIST) {
      const removed = syscall(SYS.unlinkat, fd, name, 0);
      if (removed === -E.EISDIR || removed === -E.EPERM) throw clash(path, "what is no folder", "a folder");
      if (removed !== -E.ENOENT) check("unlink", removed, path);
      result = make(fd, name);
    }
    return check(call, result, path);
  }
}

/**
 * A file that something is mounted on (`/etc/hosts` of a container, or a file given with -v) is written to as it is. Removing its name would take
 * the mount away under the container, without an error, because the mount is not in the mount namespace of this process.
 */
function openMounted(parent: Descriptor, name: string): Descriptor | undefined {
  if (!lookIn(parent, name)?.isFile) return undefined;
  using file = openIn(parent, name, O_PATH | O_NOFOLLOW);
  if (!isMountRoot(file.fd)) return undefined;
  return openIn(parent, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK);
}

function clash(path: string, what: string, over: string): TsboxError {
  return new TsboxError("invalid", `cannot copy ${JSON.stringify(shown(path))}: ${what} does not replace ${over}`);
}
