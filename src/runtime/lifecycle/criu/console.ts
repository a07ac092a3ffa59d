/** The caller that wants the terminal. */
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../../../linux/abi.gen.ts";
import { check } from "../../../linux/errno.ts";
import { cstring, syscall } from "../../../linux/syscall.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;

/** @param path absolute, of any length. @returns a connected socket. @throws SyscallError */
export function connectStream(path: string): number {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, slash) || "/";
  const here = check(
    "openat",
    syscall(SYS.openat, AT_FDCWD, cstring(folder), O_PATH | O_DIRECTORY | O_CLOEXEC),
    folder,
  );
  try {
    const socket = check("socket", syscall(SYS.socket, AF_UNIX, SOCK_STREAM_CLOEXEC, 0));
    // by the folder's descriptor, because the path of a socket has at most 107 bytes (unix(7))
    const name = new TextEncoder().encode(`\x01\0/proc/self/fd/${here}/${path.slice(slash + 1)}\0`);
    check("connect", syscall(SYS.connect, socket, name, name.length), path);
    return socket;
  } finally {
    syscall(SYS.close, here);
  }
}
