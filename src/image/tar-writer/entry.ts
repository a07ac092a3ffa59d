/** A file, folder or other entry of a tree as a member of an archive. */
import { TsboxError } from "../../error.ts";
import {
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_DATA,
  SEEK_HOLE,
  SYS,
} from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { type Stat, statFd } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";
import { type Descriptor, openIn, readLinkIn } from "../../rootfs/tree/index.ts";
import { type TarMember, tarHeader, tarPadding } from "./header.ts";

export interface EntrySource {
  readonly tree: Descriptor;
  /** In the tree, latin1, through folders only. */
  readonly path: string;
  /** In the archive, latin1, without a slash at the end. */
  readonly name: string;
  readonly stat: Stat;
  /** Name in the archive of a file that this is another name of. */
  readonly linkTo?: string | undefined;
  /** Files without subordinate ids have their owners in an attribute (`user.containers.override_stat`). */
  readonly ownersRecorded: boolean;
  /** Leave out holes, in GNU tar's way; not for layers, which every unpacker has to read. */
  readonly sparse: boolean;
}

/**
 * The attributes that belong to a file, whoever has it: not overlay's own, nor fuse-overlayfs's, nor labels that a host gives.
 * `image/unpack/metadata.ts` takes the same.
 */
const CARRIED =
  /^(user\.(?!overlay\.|containers\.|fuseoverlayfs\.|rootlesscontainers)|security\.capability$|system\.posix_acl_)/;
const OVERRIDE = "user.containers.override_stat";
const PIECE = 1024 * 1024;

const TYPES: ReadonlyMap<number, TarMember["type"]> = new Map([
  [S_IFREG, "0"],
  [S_IFLNK, "2"],
  [S_IFCHR, "3"],
  [S_IFBLK, "4"],
  [S_IFDIR, "5"],
  [S_IFIFO, "6"],
]);

/**
 * The member's bytes, in pieces that are valid until the next one is asked for. Nothing for a socket, which tar cannot hold.
 * A file that shrinks meanwhile is filled up with zeros, so that the archive stays whole.
 *
 * @throws SyscallError; TsboxError `io` when something else has taken the entry's place
 */
export function* packEntry(source: EntrySource): Generator<Uint8Array> {
  const { tree, path, stat } = source;
  const type = source.linkTo === undefined ? TYPES.get(stat.mode & S_IFMT) : "1";
  if (type === undefined) return;
  const base: TarMember = {
    name: type === "5" ? `${source.name}/` : source.name,
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: stat.mtime,
  };
  if (type === "1") yield tarHeader({ ...base, linkName: source.linkTo ?? "" });
  else if (type === "2") yield tarHeader({ ...base, mode: 0o777, linkName: readLinkIn(tree, path) });
  else if (type === "3" || type === "4")
    yield tarHeader({ ...base, devMajor: stat.rdevMajor, devMinor: stat.rdevMinor });
  else if (type === "6") yield tarHeader(base);
  else {
    // never waits for a fifo, nor takes a terminal, that takes the file's place at this moment
    const flags = O_RDONLY | O_NOFOLLOW | (type === "5" ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY);
    using file = openIn(tree, path, flags);
    const now = statFd(file.fd);
    if ((now.mode & S_IFMT) !== (stat.mode & S_IFMT))
      throw new TsboxError("io", `cannot read ${JSON.stringify(path)}: it was replaced meanwhile`);
    const look = { ...base, ...lookOf(file.fd, now, source.ownersRecorded) };
    if (type === "5") yield tarHeader(look);
    else yield* packFile(file.fd, { ...look, size: now.size }, source.sparse);
  }
}

function lookOf(fd: number, stat: Stat, ownersRecorded: boolean): Partial<TarMember> {
  const { mode, uid, gid, mtime } = stat;
  const all = attributesOf(fd);
  const attributes = all.filter(([name]) => CARRIED.test(name));
  const look = { mode: mode & 0o7777, uid, gid, mtime, attributes };
  const recorded = ownersRecorded ? all.find(([name]) => name === OVERRIDE)?.[1] : undefined;
  const match = recorded && /^(\d+):(\d+):(?:0?([0-7]+))/.exec(Buffer.from(recorded).toString("latin1"));
  if (!match) return look;
  return { ...look, uid: Number(match[1]), gid: Number(match[2]), mode: Number.parseInt(match[3] ?? "0", 8) & 0o7777 };
}

/** Extended attributes of an open file, by name in order. */
export function attributesOf(fd: number): [name: string, value: Uint8Array][] {
  const list = Buffer.alloc(65536);
  const size = syscall(SYS.flistxattr, fd, list, list.length);
  if (size <= 0) return [];
  const names = list
    .toString("latin1", 0, size)
    .split("\0")
    .filter((name) => name !== "")
    .sort();
  return names.flatMap((name): [string, Uint8Array][] => {
    const value = Buffer.alloc(65536);
    const length = syscall(SYS.fgetxattr, fd, Buffer.from(`${name}\0`, "latin1"), value, value.length);
    return length < 0 ? [] : [[name, value.subarray(0, length)]];
  });
}

function* packFile(fd: number, member: TarMember & { readonly size: number }, sparse: boolean): Generator<Uint8Array> {
  const extents = sparse ? extentsOf(fd, member.size) : undefined;
  yield tarHeader(extents === undefined ? member : { ...member, extents });
  let total = 0;
  for (const [offset, length] of extents ?? [[0, member.size] as const]) {
    yield* read(fd, offset, length);
    total += length;
  }
  yield tarPadding(total);
}

/** Where a file has data; undefined when it has no holes. lseek(2), SEEK_DATA */
function extentsOf(fd: number, size: number): [number, number][] | undefined {
  const extents: [number, number][] = [];
  for (let at = 0; at < size; ) {
    const data = syscall(SYS.lseek, fd, at, SEEK_DATA);
    if (data < 0) break; // ENXIO: only a hole is left
    const hole = syscall(SYS.lseek, fd, data, SEEK_HOLE);
    const end = hole < 0 ? size : Math.min(hole, size);
    if (data === 0 && end === size) return undefined;
    if (end > data) extents.push([data, end - data]);
    at = Math.max(end, data + 1);
  }
  // as GNU tar, an empty extent says where a file ends that ends with a hole
  const last = extents.at(-1);
  if (size > 0 && (last === undefined || last[0] + last[1] < size)) extents.push([size, 0]);
  return size === 0 ? undefined : extents;
}

function* read(fd: number, offset: number, length: number): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(length, PIECE)));
  let done = 0;
  while (done < length) {
    const wanted = Math.min(buffer.length, length - done);
    const size = check("pread64", syscall(SYS.pread64, fd, buffer, wanted, offset + done));
    if (size === 0) buffer.fill(0, 0, wanted);
    const got = size === 0 ? wanted : size;
    yield buffer.subarray(0, got);
    done += got;
  }
}
