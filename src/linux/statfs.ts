/** What a mounted file system is: statfs(2). */
import { SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { cstring, syscall } from "./syscall.ts";

/** Mount flags as statfs reports them; not in the headers that the generator reads (`linux/statfs.h`, statfs(2)). */
const ST_VALID = 0x20;
const ST_RDONLY = 1;
const ST_NOSUID = 2;
const ST_NOEXEC = 8;

export interface FileSystemStatus {
  /** Magic number, unsigned, as in `linux/magic.h`. */
  readonly type: number;
  readonly readOnly: boolean;
  readonly nosuid: boolean;
  readonly noexec: boolean;
  /** Bytes that an unprivileged user can still write. */
  readonly available: number;
}

/**
 * The file system that holds a path, links followed.
 *
 * @throws SyscallError
 */
export function statfs(path: string): FileSystemStatus {
  // struct statfs is 120 bytes on x86-64 and arm64: words of 8, f_fsid at 56, f_flags at 80
  const buffer = new Uint8Array(120);
  check("statfs", syscall(SYS.statfs, cstring(path), buffer), path);
  const view = new DataView(buffer.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const flags = word(80);
  const has = (flag: number) => (flags & ST_VALID) !== 0 && (flags & flag) !== 0;
  return {
    type: view.getUint32(0, true),
    readOnly: has(ST_RDONLY),
    nosuid: has(ST_NOSUID),
    noexec: has(ST_NOEXEC),
    available: word(8) * word(32),
  };
}

/**
 * Whether setuid bits and file capabilities are ignored on the file system that holds a path. For start-up paths: decodes
 * nothing else.
 *
 * @throws SyscallError
 */
export function isNosuid(path: string): boolean {
  const buffer = new Uint8Array(120);
  check("statfs", syscall(SYS.statfs, cstring(path), buffer), path);
  const flags = buffer[80] ?? 0;
  return (flags & ST_VALID) !== 0 && (flags & ST_NOSUID) !== 0;
}
