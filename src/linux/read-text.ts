/** Reading small text files without `node:fs`, whose loading alone would cost start-up more than a millisecond. */
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

const CHUNK = 16384;
let decoder: TextDecoder | undefined;
/** Overwritten by each reading: a new one costs as much as that. */
let shared: Uint8Array | undefined;

/**
 * The text of a file, links followed; for files of `/etc`, `/proc` and `/sys`, which have no size that could be trusted.
 *
 * @throws SyscallError
 */
export function readText(path: string): string {
  const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_CLOEXEC), path);
  try {
    shared ??= new Uint8Array(CHUNK);
    let buffer = shared;
    let length = check("read", syscall(SYS.read, fd, buffer, CHUNK), path);
    while (length > 0) {
      if (length === buffer.length) {
        const larger = new Uint8Array(buffer.length * 4);
        larger.set(buffer);
        buffer = larger;
      }
      const read = check("read", syscall(SYS.read, fd, buffer.subarray(length), buffer.length - length), path);
      if (read === 0) break;
      length += read;
    }
    decoder ??= new TextDecoder();
    return decoder.decode(buffer.subarray(0, length));
  } finally {
    syscall(SYS.close, fd);
  }
}

/**
 * The first 16 KiB of a file in as few calls as possible (three, each of some ten microseconds on start-up paths), or
 * undefined when it cannot be opened. For files that are short by nature, such as `/etc/subuid` and `/proc/self/uid_map`;
 * a longer one is read on with {@link readText}.
 */
export function readShortText(path: string): string | undefined {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return undefined;
  shared ??= new Uint8Array(CHUNK);
  const length = syscall(SYS.read, fd, shared, CHUNK);
  syscall(SYS.close, fd);
  if (length < 0) return undefined;
  if (length === CHUNK) return readText(path);
  decoder ??= new TextDecoder();
  return decoder.decode(shared.subarray(0, length));
}

/** Whether there is something by that name, links followed. */
export function exists(path: string): boolean {
  return syscall(SYS.faccessat, AT_FDCWD, cstring(path), 0) === 0;
}
