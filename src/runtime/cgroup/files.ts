/** The files of cgroup v2: read, written in one call, listed. cgroup-v2.rst "Interface Files". */
import { AT_FDCWD, O_CLOEXEC, O_NOFOLLOW, O_TRUNC, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { E } from "../../linux/errno.ts";
import { readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

export const CGROUP_MOUNT = "/sys/fs/cgroup";

const encoder = new TextEncoder();

/** One write, as the kernel wants it. Returns 0 or a negative errno. */
export function writeCgroupFile(path: string, value: string): number {
  const flags = O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), flags);
  if (fd < 0) return fd;
  const bytes = encoder.encode(value);
  let result = syscall(SYS.write, fd, bytes, bytes.length);
  while (result === -E.EINTR) result = syscall(SYS.write, fd, bytes, bytes.length);
  syscall(SYS.close, fd);
  return Math.min(result, 0);
}

/** The words of a file such as cgroup.controllers; none when it cannot be read. */
export function readWords(path: string): string[] {
  return (readShortText(path) ?? "").split(/\s+/).filter(Boolean);
}

/** The value of a key in a file of lines `key value`: cgroup.events, memory.events, cpu.stat. */
export function readKey(path: string, key: string): number | undefined {
  return readFlat(path)[key];
}

/** A "flat keyed" file as an object; empty when it cannot be read. */
export function readFlat(path: string): Record<string, number> {
  const pairs = (readShortText(path) ?? "").split("\n").map((line) => line.split(" "));
  return Object.fromEntries(
    pairs.filter(([, value]) => value !== undefined).map(([key, value]) => [key, Number(value)]),
  );
}

/** Whether processes are in this cgroup or in one below it. */
export function isPopulated(path: string): boolean {
  return readKey(`${path}/cgroup.events`, "populated") === 1;
}
