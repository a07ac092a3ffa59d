/**
 * Exchanges two names as fast as the kernel does it, until it is ended: `bun swapper.ts A B`. The other container of a race, which owns the
 * folder that a mount goes to.
 */
import { AT_FDCWD, SYS } from "../../../src/linux/abi.gen.ts";
import { cstring, syscall } from "../../../src/linux/syscall.ts";

const RENAME_EXCHANGE = 2;
const [, , first = "", second = ""] = process.argv;
const [a, b] = [cstring(first), cstring(second)];
console.log("ready");
for (;;) syscall(SYS.renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
