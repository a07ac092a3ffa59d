/**
 * Makes a layer's tree, in the form that overlayfs takes as a layer (overlayfs.rst: "whiteouts and opaque directories", "userxattr").
 * The process is confined to the tree (chroot), so that the kernel, and not a check of names, keeps every path inside; links
 * in the image lead to places in the tree.
 */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  SYS,
} from "../../linux/abi.gen.ts";
import { E, errnoText } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { baseOf, cleanPath, kernelPath, parentOf, pathOfBytes, shownPath } from "./bytes.ts";
import type { HardLink, Limits, UnpackResult } from "./protocol.ts";
import { removeInside } from "./remove-inside.ts";
import type { Member, Sink } from "./tar/parser.ts";

const WHITEOUT = ".wh.";
const OPAQUE_MARKER = ".wh..wh..opq";
const OPAQUE = kernelPath("user.overlay.opaque");
const YES = new Uint8Array([0x79]);
const XATTR_PREFIX = "SCHILY.xattr.";
/**
 * Never taken from an image: overlay's own would redirect lookups, those of containers/storage would change owners, and
 * labels are the host's to give.
 */
const REFUSED_XATTRS =
  /^(user\.overlay\.|trusted\.overlay\.|user\.containers\.|user\.fuseoverlayfs\.|security\.selinux$)/;
const OVERRIDE = kernelPath("user.containers.override_stat");

/** Numbers of `struct timespec[2]`: times of access and of change are both the archive's. */
const times = new BigInt64Array(4);

export class TreeWriter implements Sink {
  readonly #mapping: IdMapping["kind"];
  readonly #limits: Limits;
  /** Folders known to be there. */
  readonly #folders = new Set<string>([""]);
  /** What the archive listed, to tell its entries from whiteouts and implied folders. */
  readonly #listed = new Set<string>();
  readonly #whiteouts = new Set<string>();
  readonly #implied = new Set<string>();
  readonly #links: HardLink[] = [];
  readonly #devices: string[] = [];
  /** Times of folders, set last, because every entry made in a folder changes them. */
  readonly #folderTimes = new Map<string, readonly [number, number]>();
  #skippedAttributes = 0;
  #entries = 0;
  #bytes = 0;
  #file = -1;
  #path = "";
  #member: Member | undefined;

  constructor(mapping: IdMapping["kind"], limits: Limits) {
    this.#mapping = mapping;
    this.#limits = limits;
  }

  begin(member: Member): void {
    if (++this.#entries > this.#limits.entries)
      throw new TsboxError("invalid", `cannot unpack: more than ${this.#limits.entries} entries`);
    const path = cleanPath(pathOfBytes(member.name), "the entry");
    this.#path = path;
    this.#member = member;
    const type = member.type;
    if (path === "") {
      this.#root(member);
      return;
    }
    const base = baseOf(path);
    const parent = parentOf(path);
    if (base.startsWith(WHITEOUT)) {
      this.#parents(parent);
      this.#whiteout(parent, base);
      return;
    }
    this.#parents(parent);
    if (type === "5" || (type === "0" && member.name.at(-1) === 0x2f)) this.#folder(path, member);
    else if (type === "0" || type === "7" || type === "S") this.#open(path);
    else if (type === "2") this.#symlink(path, member);
    else if (type === "1") this.#hardLink(path, member);
    else if (type === "3" || type === "4" || type === "6") this.#node(path, member);
    // other types (volume labels, continuations) say nothing about files; Docker passes over them too
    else return;
    this.#listed.add(path);
    this.#implied.delete(path);
    this.#whiteouts.delete(path);
  }

  data(bytes: Uint8Array, offset: number): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#limits.bytes)
      throw new TsboxError("invalid", `cannot unpack: more than ${this.#limits.bytes} bytes`);
    if (this.#file < 0) return;
    let at = 0;
    while (at < bytes.length) {
      const written = syscall(SYS.pwrite64, this.#file, bytes.subarray(at), bytes.length - at, offset + at);
      at += this.#check("write", written, this.#path);
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
        this.#check("truncate", syscall(SYS.ftruncate, fd, member.sparse.size), this.#path);
      this.#ownership(fd, this.#path, member);
      this.#check("chmod", syscall(SYS.fchmod, fd, this.#mode(member)), this.#path);
      this.#attributes(member, (name, value) => syscall(SYS.fsetxattr, fd, name, value, value.length, 0));
      setTimes(member.mtime);
      this.#check("set times of", syscall(SYS.utimensat, fd, null, times, 0), this.#path);
    } finally {
      syscall(SYS.close, fd);
    }
  }

  /** Call it after the last entry. */
  finish(): UnpackResult {
    for (const [path, mtime] of this.#folderTimes) {
      setTimes(mtime);
      this.#check("set times of", syscall(SYS.utimensat, AT_FDCWD, kernelPath(path), times, AT_SYMLINK_NOFOLLOW), path);
    }
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      impliedFolders: [...this.#implied],
      pendingHardLinks: this.#links,
      skippedDevices: this.#devices,
      skippedAttributes: this.#skippedAttributes,
    };
  }

  /** Closes what is open after a failure. */
  [Symbol.dispose](): void {
    if (this.#file >= 0) syscall(SYS.close, this.#file);
    this.#file = -1;
  }

  #check(verb: string, result: number, path: string): number {
    if (result >= 0) return result;
    const errno = -result;
    const code = errno === E.ENOSPC || errno === E.EDQUOT ? "no-space" : "io";
    throw new TsboxError(code, `cannot unpack: cannot ${verb} ${shownPath(path)}: ${errnoText(errno)}`, {
      context: { path, errno },
    });
  }

  /** The root's entry gives it its mode and owner; nothing may replace it (CVE-2021-29136: a link named "."). */
  #root(member: Member): void {
    if (member.type !== "5") throw new TsboxError("invalid", "cannot unpack: an entry would replace the root folder");
    this.#folderMetadata("", member);
    this.#listed.add("");
  }

  #parents(path: string): void {
    if (this.#folders.has(path)) return;
    this.#parents(parentOf(path));
    let made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
    if (made === -E.EEXIST && this.#whiteouts.has(path)) {
      // hidden below, and something new in its place
      this.#remove(path);
      made = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o755);
      this.#whiteouts.delete(path);
      this.#makeOpaque(path);
    }
    if (made === 0) this.#implied.add(path);
    else if (made !== -E.EEXIST) this.#check("make the folder", made, path);
    // something that is no folder fails when the entry is made in it
    this.#folders.add(path);
  }

  /** Layers hide what is below by names (image-spec layer.md, "Whiteouts"); in overlay, by a device and an attribute. */
  #whiteout(parent: string, base: string): void {
    if (base === OPAQUE_MARKER) this.#makeOpaque(parent);
    if (base.startsWith(".wh..wh.")) return; // others like it are AUFS's own files
    const name = base.slice(WHITEOUT.length);
    if (name === "" || name === "." || name === "..") {
      throw new TsboxError(
        "invalid",
        `cannot unpack: ${shownPath(base)} would hide ${name === "" ? "nothing" : "the root or a parent folder"}`,
      );
    }
    const path = parent === "" ? name : `${parent}/${name}`;
    const result = syscall(SYS.mknodat, AT_FDCWD, kernelPath(path), S_IFCHR, 0);
    if (result === -E.EEXIST) {
      // what the layer itself has stays; a folder is a new one then, and shows nothing of the one below
      if (this.#folders.has(path) || this.#folderTimes.has(path)) this.#makeOpaque(path);
      return;
    }
    this.#check("hide", result, path);
    this.#whiteouts.add(path);
  }

  #makeOpaque(path: string): void {
    this.#check("make opaque", syscall(SYS.lsetxattr, kernelPath(path), OPAQUE, YES, 1, 0), path);
  }

  #remove(path: string): void {
    const result = syscall(SYS.unlinkat, AT_FDCWD, kernelPath(path), 0);
    if (result === 0 || result === -E.ENOENT) return;
    const folder = syscall(SYS.unlinkat, AT_FDCWD, kernelPath(path), AT_REMOVEDIR);
    if (folder !== 0) removeInside(path);
    for (const known of [...this.#folders])
      if (known === path || known.startsWith(`${path}/`)) this.#folders.delete(known);
    for (const known of [...this.#folderTimes.keys()])
      if (known === path || known.startsWith(`${path}/`)) this.#folderTimes.delete(known);
  }

  /** Makes something; what is there by that name gives way, because the last entry of a name counts. */
  #make(verb: string, path: string, attempt: () => number): number {
    let result = attempt();
    if (result === -E.EEXIST) {
      this.#remove(path);
      result = attempt();
    }
    return this.#check(verb, result, path);
  }

  #open(path: string): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    this.#file = this.#make("make", path, () => syscall(SYS.openat, AT_FDCWD, kernelPath(path), flags, 0o600));
  }

  #folder(path: string, member: Member): void {
    let result = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o700);
    if (result === -E.EEXIST && !this.#isFolder(path)) {
      const hidden = this.#whiteouts.has(path);
      this.#remove(path);
      result = syscall(SYS.mkdirat, AT_FDCWD, kernelPath(path), 0o700);
      if (hidden && result === 0) this.#makeOpaque(path);
    }
    if (result !== -E.EEXIST) this.#check("make the folder", result, path);
    this.#folders.add(path);
    this.#folderMetadata(path, member);
  }

  #isFolder(path: string): boolean {
    // a folder, and not a link to one: opening it with a slash behind would follow
    const fd = syscall(SYS.openat, AT_FDCWD, kernelPath(path), 0o200000 | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    syscall(SYS.close, fd);
    return true;
  }

  #folderMetadata(path: string, member: Member): void {
    this.#ownership(-1, path, member);
    this.#check("chmod", syscall(SYS.fchmodat, AT_FDCWD, kernelPath(path), this.#mode(member)), path);
    this.#attributes(member, (name, value) => syscall(SYS.lsetxattr, kernelPath(path), name, value, value.length, 0));
    this.#folderTimes.set(path, member.mtime);
  }

  #symlink(path: string, member: Member): void {
    const target = kernelPath(pathOfBytes(member.linkName));
    this.#make("link", path, () => syscall(SYS.symlinkat, target, AT_FDCWD, kernelPath(path)));
    this.#ownership(-1, path, member);
    this.#nodeTimes(path, member);
  }

  #hardLink(path: string, member: Member): void {
    const target = cleanPath(pathOfBytes(member.linkName), "the hard link's target");
    if (target === path) return;
    const link = () => syscall(SYS.linkat, AT_FDCWD, kernelPath(target), AT_FDCWD, kernelPath(path), 0);
    let result = link();
    if (result === -E.EEXIST) {
      this.#remove(path);
      result = link();
    }
    if (result === -E.ENOENT || result === -E.ENOTDIR || this.#whiteouts.has(target)) {
      this.#links.push({ path, target });
      return;
    }
    this.#check(`link to ${shownPath(target)}`, result, path);
  }

  #node(path: string, member: Member): void {
    const isFifo = member.type === "6";
    const whiteout = !isFifo && member.devMajor === 0 && member.devMinor === 0;
    if (!isFifo && (this.#mapping !== "none" || whiteout)) {
      this.#devices.push(path);
      return;
    }
    const type = isFifo ? S_IFIFO : member.type === "3" ? S_IFCHR : S_IFBLK;
    const { devMajor, devMinor } = member;
    const device = isFifo ? 0 : (devMinor & 0xff) | (devMajor << 8) | ((devMinor & ~0xff) << 12);
    this.#make("make", path, () => syscall(SYS.mknodat, AT_FDCWD, kernelPath(path), type | 0o600, device));
    this.#ownership(-1, path, member);
    this.#check("chmod", syscall(SYS.fchmodat, AT_FDCWD, kernelPath(path), this.#mode(member)), path);
    this.#nodeTimes(path, member);
  }

  #nodeTimes(path: string, member: Member): void {
    setTimes(member.mtime);
    this.#check("set times of", syscall(SYS.utimensat, AT_FDCWD, kernelPath(path), times, AT_SYMLINK_NOFOLLOW), path);
  }

  /** Without subordinate ids all files are the caller's, and a setuid bit would be of the wrong user. */
  #mode(member: Member): number {
    return member.mode & (this.#mapping === "single" ? 0o1777 : 0o7777);
  }

  /** Before the mode and attributes: chown(2) takes setuid bits and capabilities away. */
  #ownership(fd: number, path: string, member: Member): void {
    const { uid, gid, mode, type } = member;
    if (this.#mapping === "single") {
      if (uid === 0 && gid === 0 && (mode & 0o6000) === 0) return;
      if (type === "2" || type === "6") return; // user attributes are for files and folders (xattr(7))
      const text = Buffer.from(`${uid}:${gid}:0${(mode & 0o7777).toString(8)}`);
      const result =
        fd >= 0
          ? syscall(SYS.fsetxattr, fd, OVERRIDE, text, text.length, 0)
          : syscall(SYS.lsetxattr, kernelPath(path), OVERRIDE, text, text.length, 0);
      if (result < 0) this.#skippedAttributes++;
      return;
    }
    if (uid === 0 && gid === 0) return;
    const result =
      fd >= 0
        ? syscall(SYS.fchown, fd, uid, gid)
        : syscall(SYS.fchownat, AT_FDCWD, kernelPath(path), uid, gid, AT_SYMLINK_NOFOLLOW);
    if (result === -E.EINVAL) {
      throw new TsboxError(
        "unsupported",
        `cannot unpack ${shownPath(path)}: it belongs to user ${uid} and group ${gid}, which your subordinate ids do not cover; see tsbox doctor, or use --userns=single`,
      );
    }
    this.#check("chown", result, path);
  }

  #attributes(member: Member, set: (name: Uint8Array, value: Uint8Array) => number): void {
    for (const [key, value] of member.pax) {
      if (!key.startsWith(XATTR_PREFIX)) continue;
      const name = key.slice(XATTR_PREFIX.length);
      if (REFUSED_XATTRS.test(name)) continue;
      const result = set(Buffer.from(`${name}\0`), value);
      if (result === 0) continue;
      // trusted ones need real root, and not every file system has attributes
      if (result === -E.EPERM || result === -E.EOPNOTSUPP || result === -E.EINVAL || result === -E.ERANGE)
        this.#skippedAttributes++;
      else this.#check(`set ${name} of`, result, this.#path);
    }
  }
}

function setTimes([seconds, nanoseconds]: readonly [number, number]): void {
  times[0] = times[2] = BigInt(seconds);
  times[1] = times[3] = BigInt(nanoseconds);
}
