/** Descriptors of the caller that the container's program keeps (`--preserve-fds`, LISTEN_FDS). */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

const F_SETFD = 2;

/**
 * Makes descriptors 3 to 2 + `count` survive exec: Bun marks all from 4 on when it starts.
 *
 * One that the caller has not opened may have become one of Bun's: its first is an epoll instance, which is at the lowest number that
 * was free. So that is refused, and nothing else of tsbox's can be among them.
 * @throws TsboxError `usage`
 */
export function preserveDescriptors(count: number): void {
  const buffer = new Uint8Array(64);
  for (let fd = 3; fd < 3 + count; fd++) {
    const size = syscall(SYS.readlinkat, AT_FDCWD, cstring(`/proc/self/fd/${fd}`), buffer, buffer.length);
    const name = size < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, size));
    if (name === undefined || name === "anon_inode:[eventpoll]")
      throw new TsboxError("usage", `cannot preserve ${count} descriptors: ${fd} is not open`);
    check("fcntl", syscall(SYS.fcntl, fd, F_SETFD, 0), `descriptor ${fd}`);
  }
}
