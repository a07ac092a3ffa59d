/**
 * Makes a layer's tree, in the form that overlayfs takes as a layer (overlayfs.rst: "whiteouts and opaque directories", "userxattr").
 * The process is confined to the tree (chroot), so that the kernel, and not a check of names, keeps every path inside; links
 * in the image lead to places in the tree.
 *
 * Nothing is waited for to be on the disk: whoever puts the tree in its place calls syncfs(2) before. But large files begin to be written out
 * as soon as they are whole, so that the disk is at work meanwhile (an eighth of the time of a pull).
 */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  SYS,
} from "../../linux/abi.gen.ts";
import { E } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { baseOf, cleanPath, kernelPath, parentOf, pathOfBytes, secondPath, shownPath } from "./bytes.ts";
import { checkEntry } from "./failure.ts";
import { type FolderLook, Metadata } from "./metadata.ts";
import type { HardLink, Limits, UnpackResult } from "./protocol.ts";
import type { Member, Sink } from "./tar/parser.ts";
import { Tree } from "./tree.ts";

/** SYNC_FILE_RANGE_WRITE of sync_file_range(2). */
const WRITE_OUT = 2;
/** Files of so many bytes are worth a call. Most bytes are in such files, most files are not. */
const LARGE = 64 * 1024;

const WHITEOUT = ".wh.";
/** Names of AUFS's own files, which are passed over; but for the marker of an opaque folder. */
const AUFS = ".wh..wh.";
const OPAQUE_MARKER = ".wh..wh..opq";

/** Of folders that the archive does not list: the same each time, so that one layer is always the same tree. */
const PLAIN: FolderLook = { type: "5", uid: 0, gid: 0, mode: 0o755, mtime: [0, 0], pax: new Map() };

/** Not the member itself, which would keep the piece of the archive that its header is in. */
function lookOf({ type, uid, gid, mode, mtime, pax }: Member): FolderLook {
  return { type, uid, gid, mode, mtime, pax };
}

/** Archives older than ustar (v7) have no type for folders: there they are files whose name ends with a slash. */
function isFolderMember({ type, name }: Member): boolean {
  return type === "5" || (type === "0" && name.at(-1) === 0x2f);
}

export class TreeWriter implements Sink {
  readonly #tree = new Tree();
  readonly #metadata: Metadata;
  readonly #limits: Limits;
  readonly #devicesAllowed: boolean;
  /** Folders that the archive lists, by path. */
  readonly #looks = new Map<string, FolderLook>();
  /** Hard links to what is not there yet: further on in the archive, or in a lower layer. */
  readonly #links = new Map<string, string>();
  readonly #devices: string[] = [];
  #entries = 0;
  #bytes = 0;
  #file = -1;
  #path = "";
  #member: Member | undefined;

  constructor(mapping: IdMapping, limits: Limits) {
    this.#metadata = new Metadata(mapping);
    this.#limits = limits;
    this.#devicesAllowed = mapping.kind === "none";
  }

  begin(member: Member): void {
    if (++this.#entries > this.#limits.entries)
      throw new TsboxError("invalid", `cannot unpack: more than ${this.#limits.entries} entries`);
    const path = cleanPath(pathOfBytes(member.name), "the entry");
    this.#path = path;
    this.#member = member;
    this.#metadata.checkIds(path, member);
    const size = member.sparse?.size ?? member.size;
    if (size > this.#limits.bytes)
      throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: it claims to have ${size} bytes`);
    if (path === "") this.#root(member);
    else if (path.includes(WHITEOUT) && this.#isMarker(path)) this.#marker(path);
    else this.#make(path, member);
  }

  data(bytes: Uint8Array, offset: number): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#limits.bytes)
      throw new TsboxError("invalid", `cannot unpack: more than ${this.#limits.bytes} bytes`);
    if (this.#file < 0) return;
    let at = 0;
    while (at < bytes.length) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      at += checkEntry("write", syscall(SYS.pwrite64, this.#file, rest, rest.length, offset + at), this.#path);
    }
  }

  end(): void {
    const member = this.#member;
    this.#member = undefined;
    if (this.#file < 0 || member === undefined) return;
    const fd = this.#file;
    this.#file = -1;
    try {
      if (member.sparse !== undefined)
        checkEntry("ftruncate", syscall(SYS.ftruncate, fd, member.sparse.size), this.#path);
      this.#metadata.ofNewFile(fd, this.#path, member);
      // not a promise but a start: what comes of it is syncfs(2)'s to tell
      if (member.size >= LARGE) syscall(SYS.sync_file_range, fd, 0, 0, WRITE_OUT);
    } finally {
      syscall(SYS.close, fd);
    }
  }

  /** Call it after the last entry. */
  finish(): UnpackResult {
    const pendingHardLinks: HardLink[] = [];
    for (const [path, target] of this.#links) if (!this.#link(path, target)) pendingHardLinks.push({ path, target });
    const { implied, fresh, opaque, whiteouts } = this.#tree;
    if (!this.#looks.has("")) implied.add("");
    for (const path of [...implied, ...fresh]) this.#look(path, PLAIN);
    for (const [path, look] of this.#looks) this.#look(path, look);
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      impliedFolders: [...implied],
      pendingHardLinks,
      whiteouts: [...whiteouts],
      opaqueRoot: opaque,
      skippedDevices: this.#devices,
      skippedAttributes: this.#metadata.skipped,
    };
  }

  /** Closes what is open after a failure. */
  [Symbol.dispose](): void {
    if (this.#file >= 0) syscall(SYS.close, this.#file);
    this.#file = -1;
  }

  /** The root's entry gives it its mode and owner; nothing may replace it (CVE-2021-29136: a link named "."). */
  #root(member: Member): void {
    if (!isFolderMember(member))
      throw new TsboxError("invalid", "cannot unpack: an entry would replace the root folder");
    this.#looks.set("", lookOf(member));
  }

  #make(path: string, member: Member): void {
    const { type } = member;
    const isFolder = isFolderMember(member);
    const isFile = type === "0" || type === "7" || type === "S";
    // others (volume labels, continuations of other volumes) are no files
    if (!isFile && (type < "1" || type > "6")) return;
    this.#tree.makeParents(parentOf(path));
    if (this.#links.size > 0) this.#links.delete(path);
    if (isFolder) {
      this.#tree.makeFolder(path);
      this.#looks.set(path, lookOf(member));
    } else if (isFile) this.#open(path, this.#metadata.initialMode(member));
    else if (type === "1") this.#hardLink(path, member);
    else if (type === "2") {
      const target = pathOfBytes(member.linkName);
      if (target === "") throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: it is a link to nothing`);
      this.#put("symlink", path, () => syscall(SYS.symlinkat, secondPath(target), AT_FDCWD, kernelPath(path)));
      this.#metadata.ofPath(path, member);
    } else this.#node(path, member);
  }

  #open(path: string, mode: number): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const fd = syscall(SYS.openat, AT_FDCWD, kernelPath(path), flags, mode);
    this.#file =
      fd >= 0 ? fd : this.#put("open", path, () => syscall(SYS.openat, AT_FDCWD, kernelPath(path), flags, mode));
  }

  /** Makes something; what is there by that name gives way, because the last entry of a name counts. */
  #put(call: string, path: string, attempt: () => number): number {
    let result = attempt();
    if (result === -E.EEXIST) {
      this.#replace(path);
      result = attempt();
    }
    return checkEntry(call, result, path);
  }

  #replace(path: string): void {
    this.#tree.remove(path);
    for (const known of this.#looks.keys())
      if (known === path || known.startsWith(`${path}/`)) this.#looks.delete(known);
  }

  #hardLink(path: string, member: Member): void {
    const target = cleanPath(pathOfBytes(member.linkName), "the hard link's target");
    if (target === "") throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: it is a link to the root`);
    if (!this.#link(path, target)) this.#links.set(path, target);
  }

  /** @returns false when the target is not there */
  #link(path: string, target: string): boolean {
    // a whiteout is nothing to link to: the target is further below, if anywhere
    const found = this.#tree.look(target);
    if (found === undefined || found.isWhiteout) return false;
    const attempt = () => syscall(SYS.linkat, AT_FDCWD, secondPath(target), AT_FDCWD, kernelPath(path), 0);
    const result = attempt();
    if (result === 0) return true;
    if (found.isFolder)
      throw new TsboxError("invalid", `cannot unpack ${shownPath(path)}: it is a hard link to a folder`);
    if (result === -E.EEXIST && this.#tree.look(path)?.inode === found.inode) return true;
    this.#put("link", path, attempt);
    return true;
  }

  #node(path: string, member: Member): void {
    const { type, devMajor, devMinor } = member;
    const isFifo = type === "6";
    // a character device 0:0 is overlay's whiteout, and would hide a file of a lower layer
    if (!isFifo && (!this.#devicesAllowed || (devMajor === 0 && devMinor === 0))) {
      if (this.#tree.look(path) !== undefined) this.#replace(path);
      this.#devices.push(path);
      return;
    }
    const kind = isFifo ? S_IFIFO : type === "3" ? S_IFCHR : S_IFBLK;
    const device = isFifo ? 0 : (devMinor & 0xff) | ((devMajor & 0xfff) << 8) | ((devMinor & 0xfff00) << 12);
    this.#put("mknod", path, () => syscall(SYS.mknodat, AT_FDCWD, kernelPath(path), kind | 0o600, device));
    this.#metadata.ofPath(path, member);
  }

  /** Layers hide what is below by names (image-spec layer.md, "Whiteouts"); they are no files. */
  #isMarker(path: string): boolean {
    return path.startsWith(WHITEOUT) || path.includes(`/${WHITEOUT}`);
  }

  #marker(path: string): void {
    const base = baseOf(path);
    const parent = parentOf(path);
    if (path.startsWith(AUFS) || path.includes(`/${AUFS}`)) {
      if (base === OPAQUE_MARKER && !this.#isMarker(parent)) {
        this.#tree.makeParents(parent);
        this.#tree.makeOpaque(parent);
      }
      return;
    }
    const name = base.slice(WHITEOUT.length);
    if (this.#isMarker(parent) || name === "" || name === "." || name === "..") {
      throw new TsboxError("invalid", `cannot unpack: ${shownPath(path)} hides nothing that could be hidden`);
    }
    this.#tree.makeParents(parent);
    this.#tree.hide(parent === "" ? name : `${parent}/${name}`);
  }

  #look(path: string, look: FolderLook): void {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const fd = syscall(SYS.openat, AT_FDCWD, kernelPath(path), flags);
    // replaced, by way of a link to its parent
    if (fd === -E.ENOENT || fd === -E.ENOTDIR || fd === -E.ELOOP) return;
    checkEntry("open", fd, path);
    try {
      this.#metadata.ofDescriptor(fd, path, look);
    } finally {
      syscall(SYS.close, fd);
    }
  }
}
