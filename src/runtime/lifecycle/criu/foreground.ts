/** `restore` without `--detach`: this process becomes native, which waits for the container as it does after `run`. */
import { CLONE_NEWNS, F_SETFD, SYS } from "../../../linux/abi.gen.ts";
import { check } from "../../../linux/errno.ts";
import { syscall } from "../../../linux/syscall.ts";
import {
  addFailureProgram,
  becomeNative,
  PlanBuilder,
  STDERR,
  STDIN,
  STDOUT,
  selfCommand,
} from "../../../plan/index.ts";
import { addCommand } from "../../removal.ts";
import { LIFECYCLE_END, LIFECYCLE_FAILURE } from "../plan.ts";
import type { Restored } from "../restore.ts";
import type { StateRecord } from "../state-folder.ts";

/** CRIU made it this process's child. */
export function superviseRestored(root: string, { id, pid }: StateRecord, { terminal, host }: Restored): never {
  const pidfd = check("pidfd_open", syscall(SYS.pidfd_open, pid, 0), `process ${pid}`);
  for (const fd of [pidfd, host, terminal]) if (fd !== undefined) check("fcntl", syscall(SYS.fcntl, fd, F_SETFD, 0));
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const child = outside.slot();
  outside.add("adopt", [child, pidfd]);
  const mounts = outside.slot();
  outside.add("adopt", [mounts, host]);
  outside.add("setns", [mounts, CLONE_NEWNS], { note: "go back to the mounts of the host" });
  outside.add("close", [mounts]);
  const master = terminal === undefined ? null : outside.slot();
  if (master !== null && terminal !== undefined) outside.add("adopt", [master, terminal]);
  outside.add("supervise", [child, master, master === null ? null : STDIN, master === null ? null : STDOUT]);
  addCommand(plan, outside, [...selfCommand(), LIFECYCLE_END, root, id], STDERR);
  outside.add("exit", [256]);
  addFailureProgram(plan, STDERR, undefined, [LIFECYCLE_FAILURE, root, id]);
  return becomeNative(plan.encode());
}
