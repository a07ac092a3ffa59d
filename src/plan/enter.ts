/**
 * Starting a program as root of a user namespace of its own (or as it is, when started by root), in a private mount
 * namespace: for work on files that belong to subordinate ids.
 */

import type { IdMapping } from "../idmap/index.ts";
import { CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_SLAVE, SIGKILL } from "../linux/abi.gen.ts";
import { PlanBuilder, type Program, type Slot, STDERR } from "./builder.ts";
import { addFailureProgram } from "./failure.ts";
import { addIdMapping } from "./identity.ts";
import { type SpawnOptions, spawnNative } from "./launch.ts";

const READY = 1;

export interface EnterOptions extends SpawnOptions {
  readonly mapping: IdMapping;
  /** The program, found by absolute path, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** `NAME=value` strings; empty when absent. */
  readonly env?: readonly string[];
  /** Appends what is done inside before the program runs, such as mounts, with what `outside` has to do for it. */
  readonly prepare?: (parts: EnterParts) => void;
}

/** The two processes of {@link spawnEntered}, both ends of what they say to each other, and the pidfd that `outside` has of `inside`. */
export interface EnterParts {
  readonly plan: PlanBuilder;
  readonly outside: Program;
  readonly inside: Program;
  readonly outsideSocket: Slot;
  readonly insideSocket: Slot;
  readonly child: Slot;
}

/** The plan of {@link spawnEntered}, for tests and `--explain`. `extra` is how many descriptors go along as 3, 4, ... */
export function enterPlan(options: Omit<EnterOptions, "stdio">, extra: number): Uint8Array {
  const { mapping, argv, env = [], prepare } = options;
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const [ours, theirs, child] = [outside.slot(), outside.slot(), outside.slot()];
  const descriptors = Array.from({ length: extra }, () => outside.slot());
  for (const [i, slot] of descriptors.entries()) outside.add("adopt", [slot, 4 + i]);
  const inside = plan.program("inside", outside);
  outside.add("socketpair", [ours, theirs]);
  const user = mapping.kind === "none" ? 0 : CLONE_NEWUSER;
  // dies with its supervisor, so that a killed tsbox leaves no worker behind
  outside.add("clone", [inside, CLONE_NEWNS | user, child, null, 1, SIGKILL], { note: "make a user namespace" });
  outside.add("close", [theirs]);
  addIdMapping(plan, outside, mapping, STDERR);
  outside.add("send", [ours, READY], { note: "start the worker" });
  inside.add("close", [ours]);
  inside.add("recv", [theirs, READY], { note: "wait for the id mapping" });
  if (mapping.kind === "subuid") inside.add("setgroups", [new Uint8Array()], { note: "drop supplementary groups" });
  if (mapping.kind !== "none") {
    inside.add("setresgid", [0], { note: "become group 0 of the user namespace" });
    inside.add("setresuid", [0], { note: "become user 0 of the user namespace" });
  }
  inside.add("mount", [null, "/", null, MS_REC | MS_SLAVE, null], { note: "make the mounts private" });
  prepare?.({ plan, outside, inside, outsideSocket: ours, insideSocket: theirs, child });
  outside.add("await_exec", []);
  outside.add("supervise", [child, null, null, null]);
  outside.add("exit", [256]);
  // down to 3, 4, ... in rising order: each source is one above its target, so none is overwritten before it is copied
  for (const [i, slot] of descriptors.entries()) inside.add("dup2", [slot, 3 + i]);
  inside.add("close_on_exec_from", [3 + extra]);
  inside.add("reset_signals", []);
  inside.add("execve", [[argv[0]], argv, env], { note: `run ${argv[0]}` });
  addFailureProgram(plan);
  return plan.encode();
}

/**
 * Runs a program inside. Its exit status is the process's; 125 when the namespace could not be set up.
 *
 * Descriptors after the third entry of `stdio` are 3, 4, ... in the program.
 *
 * @throws SyscallError when the native program cannot be started
 */
export function spawnEntered(options: EnterOptions) {
  return spawnNative(enterPlan(options, options.stdio.length - 3), options);
}
