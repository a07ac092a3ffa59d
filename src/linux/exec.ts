/** Becoming another program: execveat(2). */
import { AT_EMPTY_PATH, SYS } from "./abi.gen.ts";
import { SyscallError } from "./errno.ts";
import { address, cstring, syscall } from "./syscall.ts";

/**
 * Replaces this process, threads and all, by the program in an open file. Descriptors without close-on-exec stay open.
 *
 * @throws SyscallError when the kernel refuses; this process is then as it was.
 */
export function executeFile(fd: number, argv: readonly string[], env: readonly string[]): never {
  const strings = [argv.map(cstring), env.map(cstring)];
  const [argvPointers, envPointers] = strings.map((list) => {
    const pointers = new BigUint64Array(list.length + 1);
    for (const [i, bytes] of list.entries()) pointers[i] = BigInt(address(bytes));
    return pointers;
  });
  const result = syscall(SYS.execveat, fd, cstring(""), argvPointers ?? null, envPointers ?? null, AT_EMPTY_PATH);
  // names `strings` after the call, so that no buffer is collected before the kernel has read it
  throw new SyscallError("execveat", -result, strings.length === 2 ? argv[0] : undefined);
}
