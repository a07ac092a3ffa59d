/** The part of a plan that gives a new user namespace its ids. user_namespaces(7), newuidmap(1). */

import { HELPER_FOLDERS, type IdMapping, type IdRange } from "../idmap/index.ts";
import { O_WRONLY } from "../linux/abi.gen.ts";
import { encode, type PlanBuilder, type Program, type Slot, SUBJECT_PID } from "./builder.ts";

function lines(ranges: readonly IdRange[]): string {
  return ranges.map((range) => `${range.container} ${range.host} ${range.count}\n`).join("");
}

function helper(plan: PlanBuilder, parent: Program, name: string, ranges: readonly IdRange[], log: Slot): Program {
  const program = plan.program(name, parent);
  const numbers = ranges.flatMap((range) => [range.container, range.host, range.count].map(String));
  program.add("dup2", [log, 1]);
  // what it has to say goes to the log, which the explanation of a failure quotes
  program.add("dup2", [log, 2]);
  program.add("reset_signals", []);
  program.add("execve", [HELPER_FOLDERS.map((folder) => `${folder}/${name}`), [name, SUBJECT_PID, ...numbers], []], {
    expand: true,
    note: `run ${name}`,
  });
  return program;
}

/** Whether newuidmap and newgidmap are needed; otherwise the process itself may write the ids. */
export function isMappedByHelpers(mapping: IdMapping): boolean {
  return mapping.kind === "subuid" && process.geteuid?.() !== 0;
}

/**
 * Appends the operations by which `parent` maps the ids of its subject, which must be waiting in a new user namespace.
 * newuidmap and newgidmap run side by side. `log` receives what they print.
 */
export function addIdMapping(plan: PlanBuilder, parent: Program, mapping: IdMapping, log: Slot): void {
  if (mapping.kind === "none") return;
  if (!isMappedByHelpers(mapping)) {
    // one's own id needs no helper, but setgroups must be given up first (user_namespaces(7))
    if (mapping.kind === "single") {
      parent.add("write_file", [null, `/proc/${SUBJECT_PID}/setgroups`, encode("deny"), O_WRONLY], {
        expand: true,
        note: "give up setgroups in the user namespace",
      });
    }
    for (const [file, ranges] of [
      ["uid_map", mapping.uids],
      ["gid_map", mapping.gids],
    ] as const) {
      parent.add("write_file", [null, `/proc/${SUBJECT_PID}/${file}`, encode(lines(ranges)), O_WRONLY], {
        expand: true,
        note: `map ${file === "uid_map" ? "user" : "group"} ids`,
      });
    }
    return;
  }
  const pids = [parent.slot(), parent.slot()] as const;
  const programs = [
    helper(plan, parent, "newuidmap", mapping.uids, log),
    helper(plan, parent, "newgidmap", mapping.gids, log),
  ] as const;
  for (const i of [0, 1] as const)
    parent.add("clone", [programs[i], 0, pids[i], null, 0, 9], { note: "start a process" });
  parent.add("wait_success", [pids[0]], { note: "map user ids with newuidmap" });
  parent.add("wait_success", [pids[1]], { note: "map group ids with newgidmap" });
  for (const pid of pids) parent.add("close", [pid]);
}
