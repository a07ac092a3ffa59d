/**
 * Writes cpio archives in the format "newc", which Linux unpacks into its first root file system (the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst). Owners, devices and setuid bits are whatever is asked for,
 * whoever writes the archive.
 */

export type CpioEntry = {
  /** absolute, in the machine */
  readonly path: string;
  readonly type?: "file" | "directory" | "symlink" | "character-device";
  /** permissions, with the setuid bit; 0755 if not given */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** the content, or where a symlink leads */
  readonly data?: Uint8Array | string;
  /** major and minor number */
  readonly device?: readonly [number, number];
};

const FILE_TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000, "character-device": 0o020000 } as const;

/** @returns the pieces of the archive, to be written one after the other; missing parent folders are added */
export function cpio(entries: readonly CpioEntry[]): Uint8Array[] {
  const seen = new Set<string>();
  const pieces: Uint8Array[] = [];
  let inode = 0;
  const add = (entry: CpioEntry) => {
    if (seen.has(entry.path)) return;
    const parent = entry.path.slice(0, entry.path.lastIndexOf("/"));
    if (parent !== "") add({ path: parent, type: "directory" });
    seen.add(entry.path);
    inode += 1;
    pieces.push(...record(entry, inode));
  };
  // Folders that are named get what they ask for before a file in them makes them with the usual permissions.
  for (const entry of [...entries].sort((a, b) => a.path.split("/").length - b.path.split("/").length)) add(entry);
  pieces.push(...record({ path: "/TRAILER!!!", mode: 0 }, 0));
  return pieces;
}

function record(entry: CpioEntry, inode: number): Uint8Array[] {
  const { path, type = "file", mode = 0o755, uid = 0, gid = 0, device = [0, 0] } = entry;
  const data = typeof entry.data === "string" ? new TextEncoder().encode(entry.data) : (entry.data ?? new Uint8Array());
  const name = new TextEncoder().encode(`${path.slice(1)}\0`);
  const links = type === "directory" ? 2 : 1;
  const fields = [inode, FILE_TYPE[type] | mode, uid, gid, links, 0, data.length, 0, 0, ...device, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  const named = padded(new TextEncoder().encode(header).length + name.length);
  return [new TextEncoder().encode(header), name, named, data, padded(data.length)];
}

/** Name and content each end at a multiple of four bytes. */
const padded = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);
