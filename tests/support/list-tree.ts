/**
 * All that a tree has of each entry, also of entries that belong to subordinate ids: it is read by a process that is root of a
 * user namespace with the same mapping. Started as a program, this file is that process.
 */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type IdMapping, unpackMapping } from "../../src/idmap/index.ts";
import { SYS } from "../../src/linux/abi.gen.ts";
import { syscall } from "../../src/linux/syscall.ts";
import { spawnEntered } from "../../src/plan/index.ts";

export type ListedEntry = {
  readonly type: "file" | "folder" | "link" | "fifo" | "char" | "block" | "socket";
  /** permission bits, octal: "755"; links have none */
  readonly mode?: string;
  /** as the container sees them: "uid:gid" */
  readonly owner: string;
  /** "seconds.nanoseconds" of the last change */
  readonly mtime: string;
  readonly target?: string;
  /** of files: all of it when short, one character for each byte; else its digest */
  readonly content?: string;
  /** of files with several names: all of them, sorted */
  readonly names?: readonly string[];
  /** "major:minor" of devices */
  readonly device?: string;
  /** 512-byte blocks on disk; of files that have fewer than their size wants */
  readonly holes?: true;
  /** values have one character for each byte */
  readonly xattrs?: Readonly<Record<string, string>>;
};

/** By path below the root, "." for itself; names have one character for each byte. */
export type Listing = Record<string, ListedEntry>;

/** @throws Error when the namespace cannot be made, or the tree not be read */
export async function listTree(path: string, mapping: IdMapping): Promise<Listing> {
  return await listInside(mapping, [path]);
}

/**
 * What overlay shows of layers, lowest first, mounted read-only as rootless containers have them.
 * @param place an empty folder to mount it on, and another
 */
export async function listOverlay(
  layers: readonly string[],
  mapping: IdMapping,
  place: { readonly mountPoint: string; readonly empty: string },
): Promise<Listing> {
  // overlay without an upper folder wants two layers at least
  const lower = [...layers.toReversed(), place.empty].join(":");
  return await listInside(mapping, [place.mountPoint, lower]);
}

async function listInside(mapping: IdMapping, args: readonly string[]): Promise<Listing> {
  const child = spawnEntered({
    mapping: unpackMapping(mapping),
    argv: [process.execPath, import.meta.filename, ...args],
    env: [`PATH=${process.env.PATH}`],
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, error, status] = await Promise.all([
    new Response(child.stdout as ReadableStream<Uint8Array>).text(),
    new Response(child.stderr as ReadableStream<Uint8Array>).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`cannot list ${args[0]}: ${error}`);
  return JSON.parse(out);
}

const TYPES: Record<number, ListedEntry["type"]> = {
  1: "fifo",
  2: "char",
  4: "folder",
  6: "block",
  8: "file",
  10: "link",
  12: "socket",
};
const LONGEST_CONTENT = 200;

/** The same of a tree that this process can read. */
export function listHere(root: string): Listing {
  const listing: Record<string, ListedEntry> = {};
  const names = new Map<bigint, string[]>();
  const pending = ["."];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]);
    const stat = lstatSync(full, { bigint: true });
    const type = TYPES[Number(stat.mode >> 12n)] ?? "file";
    const nanoseconds = stat.mtimeNs - (stat.mtimeNs / 1_000_000_000n) * 1_000_000_000n;
    const others = type === "file" && stat.nlink > 1n ? (names.get(stat.ino) ?? []) : undefined;
    others?.push(path);
    if (others !== undefined) names.set(stat.ino, others);
    const xattrs = attributes(full);
    listing[path] = {
      type,
      ...(type === "link" ? {} : { mode: (stat.mode & 0o7777n).toString(8) }),
      owner: `${stat.uid}:${stat.gid}`,
      mtime: `${stat.mtimeNs / 1_000_000_000n}.${String(nanoseconds).padStart(9, "0")}`,
      ...(type === "link" ? { target: readlinkSync(full, "latin1") } : {}),
      ...(type === "file" ? { content: contentOf(full) } : {}),
      ...(others === undefined ? {} : { names: others }),
      ...(type === "char" || type === "block" ? { device: `${stat.rdev >> 8n}:${stat.rdev & 0xffn}` } : {}),
      ...(type === "file" && stat.blocks * 512n + 4096n < stat.size ? { holes: true } : {}),
      ...(Object.keys(xattrs).length === 0 ? {} : { xattrs }),
    };
    if (type !== "folder") continue;
    for (const name of readdirSync(full, "latin1")) pending.push(path === "." ? name : `${path}/${name}`);
  }
  for (const shared of names.values()) shared.sort();
  return Object.fromEntries(Object.entries(listing).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function contentOf(path: Buffer): string {
  const bytes = readFileSync(path);
  if (bytes.length <= LONGEST_CONTENT) return bytes.toString("latin1");
  return `${bytes.length} bytes, sha256 ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

function attributes(path: Buffer): Record<string, string> {
  // of links the kernel has none that a user namespace could set, and no call here that would not follow them
  let fd: number;
  try {
    // O_RDONLY | O_NONBLOCK | O_NOFOLLOW: neither a link's target nor a fifo's other end is waited for
    fd = openSync(path, 0o4000 | (process.arch === "arm64" ? 0o100000 : 0o400000));
  } catch {
    return {};
  }
  try {
    const list = Buffer.alloc(65536);
    const size = syscall(SYS.flistxattr, fd, list, list.length);
    const found: Record<string, string> = {};
    for (const name of list.toString("latin1", 0, Math.max(0, size)).split("\0").filter(Boolean).sort()) {
      const value = Buffer.alloc(65536);
      const length = syscall(SYS.fgetxattr, fd, Buffer.from(`${name}\0`, "latin1"), value, value.length);
      found[name] = value.toString("latin1", 0, Math.max(0, length));
    }
    return found;
  } finally {
    closeSync(fd);
  }
}

if (import.meta.main) {
  const [path = "", lower] = process.argv.slice(2);
  if (lower !== undefined) {
    const mount = ["mount", "-t", "overlay", "overlay", "-o", `ro,userxattr,lowerdir=${lower}`, path];
    const { success, stderr } = Bun.spawnSync(mount);
    if (!success) throw new Error(stderr.toString());
  }
  console.log(JSON.stringify(listHere(path)));
}
