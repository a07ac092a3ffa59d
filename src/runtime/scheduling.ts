/** `process.scheduler`, `process.ioPriority` and `process.execCPUAffinity`: sched_setattr(2), ioprio_set(2), sched_setaffinity(2). */
import { TsboxError } from "../error.ts";
import {
  IO_CLASSES,
  type IOPriority,
  type Process,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
  type Scheduler,
} from "../oci/index.ts";
import type { Program } from "../plan/index.ts";
import { numberSet } from "./number-set.ts";

/** linux/sched/types.h, SCHED_ATTR_SIZE_VER1 */
const ATTRIBUTES_SIZE = 56;

/** NR_CPUS of Linux is at most this. */
const MAX_CPUS = 8192;

const refuse = (field: string, reason: string) => new TsboxError("invalid", `cannot run: process.${field}: ${reason}`);

/** `struct sched_attr`. @throws TsboxError naming the field */
function attributes(scheduler: Scheduler): Uint8Array {
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const number = SCHEDULER_POLICIES.indexOf(policy as (typeof SCHEDULER_POLICIES)[number]); // cast: -1 for another
  if (number < 0) throw refuse("scheduler.policy", `${policy} is not a policy`);
  // the kernel ignores what does not belong to a policy, or brings it into range: neither is what was asked for
  if (nice < -20 || nice > 19) throw refuse("scheduler.nice", `${nice} is not between -20 and 19`);
  if (nice !== 0 && policy !== "SCHED_OTHER" && policy !== "SCHED_BATCH")
    throw refuse("scheduler.nice", `${policy} has none`);
  if (priority !== 0 && policy !== "SCHED_FIFO" && policy !== "SCHED_RR")
    throw refuse("scheduler.priority", `${policy} has none`);
  if ((runtime !== 0 || deadline !== 0 || period !== 0) && policy !== "SCHED_DEADLINE")
    throw refuse("scheduler", `${policy} has no runtime, deadline and period`);
  let bits = 0n;
  for (const flag of flags) {
    const bit = SCHEDULER_FLAGS.indexOf(flag as (typeof SCHEDULER_FLAGS)[number]); // cast: -1 for another
    if (bit < 0) throw refuse("scheduler.flags", `${flag} is not a flag`);
    bits |= 1n << BigInt(bit);
  }
  const bytes = new Uint8Array(ATTRIBUTES_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ATTRIBUTES_SIZE, true);
  view.setUint32(4, number, true);
  view.setBigUint64(8, bits, true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  for (const [i, nanoseconds] of [runtime, deadline, period].entries())
    view.setBigUint64(24 + i * 8, BigInt(Math.min(nanoseconds, 2 ** 63)), true);
  return bytes;
}

/** IOPRIO_PRIO_VALUE of linux/ioprio.h. @throws TsboxError naming the field */
function ioPriorityValue({ class: name, priority = 0 }: IOPriority): number {
  const number = IO_CLASSES.indexOf(name) + 1;
  if (number < 1) throw refuse("ioPriority.class", `${name} is not a class`);
  // the bits above are hints to the device
  if (priority < 0 || priority > 7) throw refuse("ioPriority.priority", `${priority} is not between 0 and 7`);
  return (number << 13) | priority;
}

/** Appends both, while all capabilities are still there. @throws TsboxError naming the field */
export function addScheduling(inside: Program, { scheduler, ioPriority }: Process): void {
  if (scheduler !== undefined) {
    inside.add("sched_setattr", [attributes(scheduler)], { note: `set process.scheduler to ${scheduler.policy}` });
  }
  if (ioPriority !== undefined) {
    inside.add("ioprio_set", [ioPriorityValue(ioPriority)], { note: `set process.ioPriority to ${ioPriority.class}` });
  }
}

/**
 * Appends what binds the process that runs `program` to processors, which its children inherit.
 * @param list `process.execCPUAffinity.initial` or `.final`: `0-3,7`; nothing is appended for none
 * @throws TsboxError naming the field
 */
export function addCpuAffinity(program: Program, list: string | undefined, which: "initial" | "final"): void {
  if (list === undefined || list.trim() === "") return;
  const field = `process.execCPUAffinity.${which}`;
  const cpus = numberSet(list, MAX_CPUS, field);
  program.add("sched_setaffinity", [cpus], { note: `set ${field} to ${list}` });
}
