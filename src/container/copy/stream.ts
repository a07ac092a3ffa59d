/** Bytes in and out of descriptors, one after the other, waiting where there is nothing else to do meanwhile. */
import { SYS } from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";

const POLLIN = 1;
const POLLOUT = 4;

/** Waits until a descriptor that does not block can be read or written. poll(2) */
function waitFor(fd: number, events: number): void {
  syscall(SYS.ppoll, new Int32Array([fd, events]), 1, 0, 0, 0);
}

export class ByteOutput {
  readonly #fd: number;
  /** Bytes that were written. */
  total = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws SyscallError; EPIPE when nobody reads any more */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      const written = syscall(SYS.write, this.#fd, rest, rest.length);
      if (written === -E.EAGAIN) waitFor(this.#fd, POLLOUT);
      else if (written !== -E.EINTR) at += check("write", written);
    }
    this.total += bytes.length;
  }
}

/** All bytes of a descriptor; each piece is valid until the next. @throws SyscallError */
export function* readAll(fd: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(256 * 1024);
  for (;;) {
    const size = syscall(SYS.read, fd, buffer, buffer.length);
    if (size === 0) return;
    if (size === -E.EAGAIN) waitFor(fd, POLLIN);
    else if (size !== -E.EINTR) yield buffer.subarray(0, check("read", size));
  }
}
