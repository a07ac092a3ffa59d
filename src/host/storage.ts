/** The file system under the storage folder. */
import { AT_FDCWD, FICLONE, O_CLOEXEC, O_RDWR, O_TMPFILE, SYS } from "../linux/abi.gen.ts";
import { exists } from "../linux/read-text.ts";
import { statfs } from "../linux/statfs.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { lacks, type Probe, works } from "./probe.ts";

/** linux/magic.h, and the headers of those that live outside the kernel's tree. */
const TYPES: Record<number, string> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  2035054128: "overlay",
  26985: "nfs",
  4283649346: "cifs",
  4266872130: "smb2",
  20859: "smb",
  1702057286: "fuse",
  198183888: "lustre",
  1196443219: "gpfs",
  428016422: "beegfs",
  12805120: "ceph",
  18225520: "gfs2",
  1952539503: "ocfs2",
  1397113167: "afs",
  16914839: "9p",
  1785031267: "virtiofs",
  801189825: "zfs",
  3393526350: "bcachefs",
  4076150800: "f2fs",
  2240043254: "ramfs",
  1936814952: "squashfs",
  38496: "iso9660",
  19780: "vfat",
  538032816: "exfat",
  61791: "ecryptfs",
};

/** Shared by machines, or without what an upper folder needs (whiteouts, RENAME_WHITEOUT, trusted or user xattrs). */
const REMOTE = new Set([
  "nfs",
  "cifs",
  "smb",
  "smb2",
  "lustre",
  "gpfs",
  "beegfs",
  "ceph",
  "gfs2",
  "ocfs2",
  "afs",
  "9p",
]);

export interface Storage {
  /** The folder, or the nearest one above that exists. */
  readonly path: string;
  readonly type: string;
  /** Whether other machines may write to it; ids of a user namespace often cannot be stored there. */
  readonly remote: boolean;
  /** Whether files can be copied by sharing their blocks. */
  readonly reflink: boolean;
  readonly available: number;
}

/** The name of a file system by its magic number, `0x1234` when it is not known. */
export function fileSystemName(magic: number): string {
  return TYPES[magic] ?? `0x${magic.toString(16)}`;
}

/** What the storage folder is on. Makes two unnamed files there for an instant, to try a reflink. */
export function probeStorage(folder: string): Probe<Storage> {
  let path = folder;
  while (!exists(path) && path !== "/") path = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  const status = statfs(path);
  const type = fileSystemName(status.type);
  const storage = { path, type, remote: REMOTE.has(type), reflink: tryReflink(path), available: status.available };
  const elsewhere = "set XDG_DATA_HOME to a folder on a local disk";
  if (status.readOnly) return lacks(storage, `${path} is read-only`, elsewhere);
  if (storage.remote) {
    return lacks(storage, `${type} is shared by machines and often refuses the owners of a user namespace`, elsewhere);
  }
  return works(storage);
}

function tryReflink(path: string): boolean {
  const open = () => syscall(SYS.openat, AT_FDCWD, cstring(path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600);
  const [from, to] = [open(), open()];
  try {
    if (from < 0 || to < 0) return false;
    syscall(SYS.write, from, new Uint8Array(4096), 4096);
    return syscall(SYS.ioctl, to, FICLONE, from) === 0;
  } finally {
    for (const fd of [from, to]) if (fd >= 0) syscall(SYS.close, fd);
  }
}
