/** Terminals: ioctl_tty(2). */
import { SYS } from "./abi.gen.ts";
import { syscall } from "./syscall.ts";

// asm-generic/ioctls.h, the same on x86-64 and arm64
const TCGETS = 0x5401;

/** Like isatty(3), without `node:tty`, which costs milliseconds to load. */
export function isTerminal(fd: number): boolean {
  return syscall(SYS.ioctl, fd, TCGETS, new Uint8Array(64)) === 0;
}
