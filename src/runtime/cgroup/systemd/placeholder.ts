/** A process that stands in a scope until the container does: systemd makes no scope without one. */
import { TsboxError } from "../../../error.ts";
import { O_CLOEXEC, SYS } from "../../../linux/abi.gen.ts";
import { check } from "../../../linux/errno.ts";
import { syscall } from "../../../linux/syscall.ts";
import { PlanBuilder, RECOVER_OTHER, STDIN, spawnNative } from "../../../plan/index.ts";

export interface Placeholder {
  readonly pid: number;
  /** It lives until every copy of this descriptor is closed. It has no close-on-exec. */
  readonly hold: number;
}

/** Waits on standard input for a byte that never comes, or for its end. */
function plan(): Uint8Array {
  const builder = new PlanBuilder();
  const program = builder.program("placeholder");
  // systemd ends what is left of a scope with SIGTERM
  program.add("reset_signals", []);
  program.add("recv_ready", [STDIN], { recover: RECOVER_OTHER, note: "wait for the container" });
  program.add("exit", [0]);
  return builder.encode();
}

/** @throws SyscallError */
export function startPlaceholder(): Placeholder {
  const ends = new Int32Array(2);
  check("pipe2", syscall(SYS.pipe2, ends, O_CLOEXEC));
  const [read = -1, write = -1] = ends;
  try {
    const child = spawnNative(plan(), { stdio: [read, "ignore", "ignore"] });
    // what it comes to is nobody's concern
    child.unref();
    // only now without close-on-exec, or the placeholder would hold itself
    const hold = syscall(SYS.fcntl, write, 0 /* F_DUPFD */, 3);
    if (hold < 0) throw new TsboxError("io", "cannot start a process for systemd's scope: no descriptor is left");
    return { pid: child.pid, hold };
  } finally {
    syscall(SYS.close, read);
    syscall(SYS.close, write);
  }
}
