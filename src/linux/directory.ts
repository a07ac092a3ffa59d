/** Reading folders: getdents64(2). */
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { syscall } from "./syscall.ts";

export interface FolderEntry {
  /** One character for each byte of the name (latin1), because names need not be UTF-8. */
  readonly name: string;
  /** DT_* of readdir(3): 4 folder, 8 file, 10 link, 2 character device. */
  readonly type: number;
}

/**
 * What a folder holds, without `.` and `..`, in no order. Does not follow a final link.
 * @param path with one character for each byte, below `dir`
 * @throws SyscallError
 */
export function listFolder(path: string, dir: number = AT_FDCWD): FolderEntry[] {
  const name = Buffer.from(`${path === "" ? "." : path}\0`, "latin1");
  const fd = check("openat", syscall(SYS.openat, dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path);
  try {
    const entries: FolderEntry[] = [];
    const buffer = Buffer.alloc(65536);
    for (;;) {
      const size = check("getdents64", syscall(SYS.getdents64, fd, buffer, buffer.length), path);
      if (size === 0) return entries;
      // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name
      for (let at = 0; at < size; at += buffer.readUInt16LE(at + 16)) {
        const end = buffer.indexOf(0, at + 19);
        const entry = buffer.toString("latin1", at + 19, end);
        if (entry !== "." && entry !== "..") entries.push({ name: entry, type: buffer[at + 18] ?? 0 });
      }
    }
  } finally {
    syscall(SYS.close, fd);
  }
}

/**
 * The names in an open folder that fit, quicker than {@link listFolder}: entries are not taken apart.
 * @param fd at its start
 * @param pattern global, of a name with the byte before it, which is its type, and the NUL behind it; its first group is the result
 * @throws SyscallError
 */
export function listNames(fd: number, pattern: RegExp): string[] {
  const names: string[] = [];
  const buffer = Buffer.allocUnsafeSlow(65536);
  for (;;) {
    const size = check("getdents64", syscall(SYS.getdents64, fd, buffer, buffer.length));
    if (size === 0) return names;
    for (const [, name] of buffer.toString("latin1", 0, size).matchAll(pattern)) names.push(name ?? "");
  }
}
