/**
 * A program: prints what a tree holds, as JSON. It runs inside a user namespace, so that owners are those of the image and
 * files of subordinate ids can be read. `tree.ts` is what tests call.
 */
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { SYS } from "../../../src/linux/abi.gen.ts";
import { syscall } from "../../../src/linux/syscall.ts";

export interface Entry {
  readonly type: "file" | "folder" | "link" | "fifo" | "socket" | "char" | "block";
  /** Octal permission bits. */
  readonly mode: string;
  /** `uid:gid` */
  readonly owner: string;
  /** Seconds since 1970 with nine decimals. */
  readonly mtime: string;
  /** Of a file: its text if that is short, otherwise its size and digest. Of a link: its target. Of a device: its numbers. */
  readonly content?: string;
  /** Values in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** The first of the paths, in order, that are the same file; absent when that is the path itself. */
  readonly linkTo?: string;
  /** Bytes on disk, of files. */
  readonly allocated?: number;
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const SHORT = 100;

function list(root: string): Record<string, Entry> {
  const entries: Record<string, Entry> = {};
  const inodes = new Map<bigint, string>();
  const names = (path: string) => readdirSync(bytesOf(root, path), { encoding: "buffer" }).map(latin1).sort();
  const pending = ["."];
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    const entry = describe(bytesOf(root, path));
    const first = inodes.get(entry.inode);
    if (first === undefined) inodes.set(entry.inode, path);
    entries[path] = first === undefined ? entry.entry : { ...entry.entry, linkTo: first };
    if (entry.entry.type === "folder")
      pending.push(...names(path).map((name) => (path === "." ? name : `${path}/${name}`)));
  }
  return entries;
}

const bytesOf = (root: string, path: string) =>
  Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]) as Buffer<ArrayBuffer>;

function describe(path: Buffer<ArrayBuffer>): { entry: Entry; inode: bigint } {
  const stat = lstatSync(path, { bigint: true });
  const kind = Number(stat.mode) & constants.S_IFMT;
  const type = TYPES[kind] ?? "socket";
  const xattrs = attributes(path);
  const entry: Entry = {
    type,
    mode: (Number(stat.mode) & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    mtime: time(stat.mtimeNs),
    ...contentOf(path, type, stat.rdev),
    ...(Object.keys(xattrs).length > 0 ? { xattrs } : {}),
    ...(type === "file" ? { allocated: Number(stat.blocks) * 512 } : {}),
  };
  return { entry, inode: stat.ino };
}

const TYPES: Record<number, Entry["type"]> = {
  [constants.S_IFREG]: "file",
  [constants.S_IFDIR]: "folder",
  [constants.S_IFLNK]: "link",
  [constants.S_IFIFO]: "fifo",
  [constants.S_IFCHR]: "char",
  [constants.S_IFBLK]: "block",
};

function time(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return `${(nanoseconds - fraction) / 1_000_000_000n}.${fraction.toString().padStart(9, "0")}`;
}

function contentOf(path: Buffer, type: Entry["type"], device: bigint): { content?: string } {
  if (type === "link") return { content: latin1(readlinkSync(path, { encoding: "buffer" })) };
  // old_encode_dev: enough for the small numbers that tests use
  if (type === "char" || type === "block") return { content: `${device >> 8n}:${device & 0xffn}` };
  if (type !== "file") return {};
  const bytes = read(path);
  if (bytes.length <= SHORT) return { content: latin1(bytes) };
  return { content: `${bytes.length} bytes, sha256 ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` };
}

function read(path: Buffer): Uint8Array {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Those that the kernel or the test machine adds to every file are left out. */
function attributes(path: Buffer): Record<string, string> {
  const name = Buffer.concat([path, Buffer.from([0])]);
  const names = new Uint8Array(65536);
  const size = syscall(SYS.llistxattr, name, names, names.length);
  const found: Record<string, string> = {};
  for (const key of latin1(names.subarray(0, Math.max(size, 0)))
    .split("\0")
    .sort()) {
    if (key === "" || key === "security.selinux") continue;
    const value = new Uint8Array(65536);
    const length = syscall(SYS.lgetxattr, name, Buffer.from(`${key}\0`, "latin1"), value, value.length);
    found[key] = length < 0 ? `error ${-length}` : Buffer.from(value.subarray(0, length)).toString("hex");
  }
  return found;
}

if (import.meta.main) await Bun.write(Bun.stdout, JSON.stringify(list(process.argv[2] ?? ".")));
