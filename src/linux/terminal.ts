/** Terminals: ioctl_tty(2). */
import { SYS } from "./abi.gen.ts";
import { syscall } from "./syscall.ts";

// asm-generic/ioctls.h, the same on x86-64 and arm64
const TCGETS = 0x5401;

/** Like isatty(3), without `node:tty`, which costs milliseconds to load. */
export function isTerminal(fd: number): boolean {
  return syscall(SYS.ioctl, fd, TCGETS, new Uint8Array(64)) === 0;
}

const TIOCGWINSZ = 0x5413;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Undefined when it is no terminal, or one that does not say. */
export function terminalSize(fd: number): TerminalSize | undefined {
  // struct winsize: rows, columns, and two that nobody fills in
  const size = new Uint16Array(4);
  if (syscall(SYS.ioctl, fd, TIOCGWINSZ, size) !== 0) return undefined;
  const [rows = 0, columns = 0] = size;
  return rows > 0 && columns > 0 ? { columns, rows } : undefined;
}
