/** Copying what a file holds: ioctl_ficlone(2), copy_file_range(2), xattr(7). */
import { FICLONE, SEEK_DATA, SEEK_HOLE, SYS } from "./abi.gen.ts";
import { check, E } from "./errno.ts";
import { syscall } from "./syscall.ts";

/**
 * Copies all data between two open files, sharing it where the file system can (reflink), leaving holes holes.
 * @param size of the source, in bytes
 * @throws SyscallError
 */
export function copyData(source: number, target: number, size: number): void {
  if (syscall(SYS.ioctl, target, FICLONE, source) === 0) return;
  check("ftruncate", syscall(SYS.ftruncate, target, size));
  let at = 0;
  while (at < size) {
    const data = syscall(SYS.lseek, source, at, SEEK_DATA);
    if (data === -E.ENXIO) return; // nothing but a hole is left
    const start = data < 0 ? at : data;
    const hole = data < 0 ? size : syscall(SYS.lseek, source, start, SEEK_HOLE);
    const end = hole < 0 ? size : hole;
    copyRange(source, target, start, end - start);
    at = end;
  }
}

function copyRange(source: number, target: number, start: number, length: number): void {
  const from = new BigInt64Array([BigInt(start)]);
  const to = new BigInt64Array([BigInt(start)]);
  let left = length;
  while (left > 0) {
    const copied = syscall(SYS.copy_file_range, source, from, target, to, left, 0);
    if (copied === -E.EXDEV || copied === -E.EOPNOTSUPP || copied === -E.EINVAL || copied === -E.ENOSYS) {
      copyByHand(source, target, start + length - left, left);
      return;
    }
    if (check("copy_file_range", copied) === 0) return;
    left -= copied;
  }
}

function copyByHand(source: number, target: number, start: number, length: number): void {
  const buffer = new Uint8Array(Math.min(length, 1024 * 1024));
  for (let done = 0; done < length; ) {
    const size = check(
      "pread64",
      syscall(SYS.pread64, source, buffer, Math.min(buffer.length, length - done), start + done),
    );
    if (size === 0) return;
    for (let at = 0; at < size; )
      at += check("pwrite64", syscall(SYS.pwrite64, target, buffer.subarray(at), size - at, start + done + at));
    done += size;
  }
}

/** Copies extended attributes, but for overlay's own. What the target refuses is left out. */
export function copyAttributes(source: number, target: number): void {
  const list = new Uint8Array(65536);
  const size = syscall(SYS.flistxattr, source, list, list.length);
  if (size <= 0) return;
  const value = new Uint8Array(65536);
  for (const name of Buffer.from(list.subarray(0, size)).toString("latin1").split("\0")) {
    if (name === "" || /^(user|trusted)\.overlay\./.test(name)) continue;
    const key = Buffer.from(`${name}\0`, "latin1");
    const length = syscall(SYS.fgetxattr, source, key, value, value.length);
    if (length >= 0) syscall(SYS.fsetxattr, target, key, value, length, 0);
  }
}
