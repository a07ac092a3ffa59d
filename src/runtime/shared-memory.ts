/** /dev/shm that containers have in common: the root of a mount namespace (`holder.ts`), cloned by a process that enters it. */
import { CLONE_NEWNS, OPEN_TREE_CLONE, PR_SET_DUMPABLE, SIGKILL } from "../linux/abi.gen.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import type { PlanBuilder, Program, Slot } from "../plan/index.ts";
import type { Join } from "./join.ts";

/**
 * Appends it to `outside`, before the container's first process is made: that leaves the host's file systems for a mount namespace of its
 * own, from which no other can be cloned.
 *
 * @param namespace inherited descriptor of the mount namespace
 * @param user the user namespace that it belongs to, which the container joins; undefined for root's
 * @returns the slot of the detached mount by index in `mounts`; none where the config has its own /dev/shm
 */
export function addSharedMemory(
  plan: PlanBuilder,
  outside: Program,
  config: RuntimeConfig,
  use: { namespace: number; user: Join | undefined; ours: Slot; theirs: Slot },
): ReadonlyMap<number, Slot> {
  const note = "share /dev/shm";
  const index = (config.mounts ?? []).findIndex(
    // what the container has without asking; a tmpfs that was asked for has another source (container/spec/mounts.ts)
    ({ destination, type, source }) => destination === "/dev/shm" && type === "tmpfs" && source === "shm",
  );
  const [mounts, shared, pid] = [outside.slot(), outside.slot(), outside.slot()];
  outside.add("adopt", [mounts, use.namespace], { note });
  if (index >= 0) {
    const program = plan.program("shm", outside);
    program.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
    if (use.user !== undefined) program.add("setns", [use.user.slot, use.user.flag], { note });
    program.add("setns", [mounts, CLONE_NEWNS], { note });
    program.add("open_tree", [shared, null, "/", OPEN_TREE_CLONE], { note });
    program.add("send_fd", [use.theirs, shared], { note });
    program.add("exit", [0]);
    outside.add("clone", [program, 0, pid, null, 0, SIGKILL], { note });
    outside.add("recv_fd", [shared, use.ours], { note });
    outside.add("wait_success", [pid], { note });
    outside.add("close", [pid]);
  }
  outside.add("close", [mounts]);
  return new Map(index < 0 ? [] : [[index, shared]]);
}
