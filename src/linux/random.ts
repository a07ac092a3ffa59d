/** getrandom(2). */
import { SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { syscall } from "./syscall.ts";

/** So many bytes that nobody can guess, in hexadecimal. */
export function randomHex(bytes: number): string {
  const buffer = new Uint8Array(bytes);
  check("getrandom", syscall(SYS.getrandom, buffer, bytes, 0));
  return buffer.toHex();
}
