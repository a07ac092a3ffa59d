/** Hands a plan to the native program. */
import { SYS } from "../linux/abi.gen.ts";
import { check } from "../linux/errno.ts";
import { executeFile } from "../linux/exec.ts";
import { sealedFile } from "../linux/memfd.ts";
import { syscall } from "../linux/syscall.ts";
import { nativeBinary } from "./native-binary.ts";

// The native program runs from a sealed copy in memory, so that nothing in a container can reach or change an executable of
// the host through /proc/PID/exe (CVE-2019-5736).
const NAME = "tsbox";

/**
 * Replaces this process by the native program, which carries out the plan. Descriptors that the plan adopts must be open
 * without close-on-exec.
 *
 * @throws SyscallError when the kernel refuses; otherwise it never returns.
 */
export function becomeNative(plan: Uint8Array): never {
  const program = sealedFile(NAME, nativeBinary(), { executable: true });
  const descriptor = sealedFile("tsbox-plan", plan, { inherit: true });
  return executeFile(program, [NAME, String(descriptor)], []);
}

export type Stdio = "pipe" | "inherit" | "ignore" | number;

export interface SpawnOptions {
  /** Standard input, output, error, then descriptors of the caller that become 4, 5, ... in the process. 3 is the plan. */
  readonly stdio: readonly [Stdio, Stdio, Stdio, ...number[]];
}

/**
 * Starts the native program with a plan in a process of its own.
 *
 * @returns Bun's subprocess; its streams are those that `stdio` asked for as `pipe`.
 * @throws SyscallError
 */
export function spawnNative(plan: Uint8Array, options: SpawnOptions) {
  const program = moveHigh(sealedFile(NAME, nativeBinary(), { executable: true }));
  const descriptor = moveHigh(sealedFile("tsbox-plan", plan));
  const [input, output, error, ...given] = options.stdio;
  const others = given.map(copyHigh);
  try {
    return Bun.spawn({
      cmd: [`/proc/self/fd/${program}`, "3"],
      argv0: NAME,
      env: {},
      // cast: Bun's types know three entries; more are descriptors 3, 4, ... of the process
      stdio: [input, output, error, descriptor, ...others] as unknown as [Stdio, Stdio, Stdio],
    });
  } finally {
    for (const fd of [program, descriptor, ...others]) syscall(SYS.close, fd);
  }
}

/** fcntl(2), F_DUPFD_CLOEXEC */
const F_DUPFD_CLOEXEC = 1030;
/** Above all that the process is given. */
const HIGH = 64;

/** Bun gives the child its descriptors one after the other: one that is still to be given must not be where another goes. */
function copyHigh(fd: number): number {
  return check("fcntl", syscall(SYS.fcntl, fd, F_DUPFD_CLOEXEC, HIGH));
}

function moveHigh(fd: number): number {
  const copy = copyHigh(fd);
  syscall(SYS.close, fd);
  return copy;
}
