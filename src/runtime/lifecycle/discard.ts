/** Removing what a container left: its processes, its cgroup, its folder; and the poststop hooks. */
import { SIGNALS, SYS } from "../../linux/abi.gen.ts";
import { openProcess, type ProcessName, waitForEnd } from "../../linux/process.ts";
import { syscall } from "../../linux/syscall.ts";
import { hasHooks } from "../hooks.ts";
import { sharesMounts } from "../namespaces.ts";
import { removeStateFolder, type StateRecord } from "./state-folder.ts";

/** Milliseconds that a killed process may take to end. */
const PATIENCE = 10_000;

/** Ends the first process, if it is there, and waits for that; with it ends its pid namespace. */
export function endProcess(record: ProcessName): void {
  const pidfd = openProcess(record);
  if (pidfd === undefined) return;
  syscall(SYS.pidfd_send_signal, pidfd, SIGNALS.SIGKILL, null, 0);
  waitForEnd(pidfd, PATIENCE);
  syscall(SYS.close, pidfd);
}

/** For a container that did not come to be, or is forced away. Never fails for what is gone already. @param warn see `delete.ts` */
export async function discardContainer(
  root: string,
  record: StateRecord,
  warn?: (message: string) => void,
  folder?: string,
): Promise<void> {
  endProcess(record);
  await removeLeftovers(root, record, warn, folder);
}

/**
 * The end of a container whose first process has ended: other processes, the cgroup, poststop hooks, the folder.
 * @param folder as `holdStateFolder` has it
 */
export async function removeLeftovers(
  root: string,
  record: StateRecord,
  warn: (message: string) => void = () => {},
  folder?: string,
): Promise<void> {
  if (record.cgroup !== undefined) {
    const { killCgroup, removeCgroup } = await import("../cgroup/index.ts");
    // without a pid namespace of its own, the container's other processes are still there
    killCgroup(record.cgroup, SIGNALS.SIGKILL ?? 9);
    removeCgroup(record.cgroup);
  }
  if (sharesMounts(record.config)) {
    const { unmountBelow } = await import("./host-mounts.ts");
    unmountBelow(record.rootfs);
  }
  if (hasHooks(record.config.hooks, "poststop")) {
    const { runHooks } = await import("./run-hooks.ts");
    // runtime.md, step 13: a failure is logged, and the rest goes on
    await runHooks(record, "poststop", "stopped", (error) => warn(error.message));
  }
  if (record.config.linux?.intelRdt !== undefined)
    (await import("../intel-rdt.ts")).removeIntelRdt(record.config, record.id);
  removeStateFolder(root, record.id, folder);
}
