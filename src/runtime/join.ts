/** Namespaces that are there already: `linux.namespaces[].path`. */
import {
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_PARENT,
  O_RDONLY,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { Program, Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";
import type { Namespaces } from "./namespaces.ts";
import { addOomScore, type ProcessConfig } from "./process.ts";

export interface Join {
  readonly slot: Slot;
  readonly flag: number;
  readonly path: string;
}

/** Opens them in `outside`. `open` has inherited descriptors by path. */
export function openJoins(outside: Program, { join }: Namespaces, open: ReadonlyMap<string, number>): Join[] {
  return join.map(({ flag, path }) => {
    const slot = outside.slot();
    const fd = open.get(path);
    if (fd !== undefined) outside.add("adopt", [slot, fd], { note: `use the namespace ${path}` });
    else outside.add("openat2", [slot, null, path, O_RDONLY, 0, 0], { note: `open the namespace ${path}` });
    return { slot, flag, path };
  });
}

/**
 * Whether a process in between has to join: a user namespace, because the other namespaces belong to it and the supervisor stays
 * outside; a pid namespace, because that is for children only; and anything when the container gets a user namespace of its own,
 * from which namespaces of others could not be joined.
 */
export function needsJoiner(joins: readonly Join[], makesUser: boolean): boolean {
  return joins.some(({ flag }) => flag === CLONE_NEWUSER || flag === CLONE_NEWPID) || (makesUser && joins.length > 0);
}

export function addJoins(program: Program, joins: readonly Join[]): void {
  for (const { slot, flag, path } of joins) program.add("setns", [slot, flag], { note: `join the namespace ${path}` });
}

/** The container's first process becomes the supervisor's child all the same (CLONE_PARENT). */
export function addJoiner(
  { plan, inside, outside, exposed }: Compilation,
  use: {
    process: ProcessConfig;
    joins: readonly Join[];
    flags: number;
    child: Slot;
    cgroup: Slot | null;
    ours: Slot;
    theirs: Slot;
  },
): void {
  const pid = outside.slot();
  const joiner = plan.program("join", outside);
  // the first process is started by a later program than this one
  plan.moveLast(inside);
  outside.add("clone", [joiner, 0, pid, use.cgroup, 0, SIGKILL], { note: "start a process" });
  // before waiting: when the other process fails, nobody else has this end
  outside.add("close", [use.theirs]);
  addOomScore(joiner, use.process, "self");
  if (exposed) joiner.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
  addJoins(joiner, use.joins);
  joiner.add("clone", [inside, use.flags | CLONE_PARENT, use.child, null, 0, 0], {
    note: "make the container's namespaces",
  });
  joiner.add("send_fd", [use.theirs, use.child]);
  outside.add("recv_subject", [use.child, use.ours], { note: "join the namespaces" });
  outside.add("wait_success", [pid], { note: "join the namespaces" });
  inside.add("prctl", [PR_SET_PDEATHSIG, SIGKILL, 0], { note: "end with the supervisor" });
}
