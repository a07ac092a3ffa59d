/** How an overlay layer says what of the layers below is gone (overlayfs.rst, "whiteouts and opaque directories"). */
import { S_IFCHR, S_IFMT, SYS } from "../../linux/abi.gen.ts";
import type { Stat } from "../../linux/stat.ts";
import { syscall } from "../../linux/syscall.ts";

const OPAQUE = Buffer.from("user.overlay.opaque\0");
const YES = 0x79;
const value = new Uint8Array(8);

/** A character device 0:0 hides the name below. */
export function isWhiteout({ mode, rdevMajor, rdevMinor }: Stat): boolean {
  return (mode & S_IFMT) === S_IFCHR && rdevMajor === 0 && rdevMinor === 0;
}

/** Whether an open folder hides what the folders of its name below hold. */
export function isOpaque(fd: number): boolean {
  return syscall(SYS.fgetxattr, fd, OPAQUE, value, value.length) === 1 && value[0] === YES;
}

/** @returns what the kernel returned */
export function setOpaque(fd: number): number {
  return syscall(SYS.fsetxattr, fd, OPAQUE, Uint8Array.of(YES), 1, 0);
}
