/** A client's side of a monitor's socket, for commands that only want to know something (native/monitor.c). */
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../linux/abi.gen.ts";
import { check, E, SyscallError } from "../linux/errno.ts";
import { cstring, syscall } from "../linux/syscall.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
/** native/native.h */
const PACKET_EXIT = "x".charCodeAt(0);

export interface MonitorConnection extends Disposable {
  readonly fd: number;
}

/** @returns undefined when no monitor listens */
export function connectToMonitor(folder: string, inherit = false): MonitorConnection | undefined {
  const here = syscall(SYS.openat, AT_FDCWD, cstring(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (here === -E.ENOENT) return undefined;
  check("openat", here, folder);
  try {
    const fd = check("socket", syscall(SYS.socket, AF_UNIX, SOCK_SEQPACKET | (inherit ? 0 : SOCK_CLOEXEC), 0));
    // by the folder's descriptor, because the path of a socket has at most 107 bytes (unix(7))
    const path = new TextEncoder().encode(`/proc/self/fd/${here}/attach`);
    const name = new Uint8Array(2 + path.length + 1);
    name[0] = AF_UNIX;
    name.set(path, 2);
    const result = syscall(SYS.connect, fd, name, name.length);
    if (result === 0) return { fd, [Symbol.dispose]: () => void syscall(SYS.close, fd) };
    syscall(SYS.close, fd);
    if (result === -E.ECONNREFUSED || result === -E.ENOENT) return undefined;
    throw new SyscallError("connect", -result, `${folder}/attach`);
  } finally {
    syscall(SYS.close, here);
  }
}

/**
 * Waits, blocking this process, until the monitor says how the container ended.
 * @returns undefined when the monitor was killed
 */
export function awaitExit({ fd }: MonitorConnection): number | undefined {
  const packet = new Uint8Array(64);
  for (;;) {
    const size = syscall(SYS.read, fd, packet, packet.length);
    if (size === -E.EINTR || size === -E.ECONNRESET) continue;
    if (size <= 0) return undefined;
    if (packet[0] === PACKET_EXIT) return packet[1];
  }
}
