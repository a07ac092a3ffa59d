/** Actions and flags of `linux.seccomp` as the kernel's numbers. seccomp(2); runtime-spec, config-linux.md, "Seccomp". */
import { TsboxError } from "../../error.ts";
import {
  E,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../../linux/abi.gen.ts";

/** What a wrong architecture gets, as from libseccomp, which runc and crun leave at its default. */
export const BAD_ARCHITECTURE = SECCOMP_RET_KILL_THREAD;
export const NO_SUCH_CALL = SECCOMP_RET_ERRNO | E.ENOSYS;

/** SECCOMP_RET_DATA */
const DATA_MAX = 0xffff;

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_TRAP: SECCOMP_RET_TRAP,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_TRACE: SECCOMP_RET_TRACE,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
  SCMP_ACT_LOG: SECCOMP_RET_LOG,
  SCMP_ACT_NOTIFY: SECCOMP_RET_USER_NOTIF,
};

const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG: SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

export function fieldError(field: string, reason: string): TsboxError {
  return new TsboxError("invalid", `cannot compile the seccomp filter: ${field}: ${reason}`, { context: { field } });
}

/**
 * @param field for messages: `linux.seccomp.syscalls[3]`
 * @returns SECCOMP_RET_* with its data
 * @throws TsboxError `invalid` for an unknown action, and for an errno where the action has none (the specification's MUST)
 */
export function parseAction(action: string, errno: number | undefined, field: string, errnoField: string): number {
  const value = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (value === undefined) throw fieldError(field, `${action} is not an action`);
  if (value !== SECCOMP_RET_ERRNO && value !== SECCOMP_RET_TRACE) {
    if (errno !== undefined) throw fieldError(errnoField, `${action} takes no errno`);
    return value;
  }
  const data = errno ?? E.EPERM;
  if (!Number.isInteger(data) || data < 0 || data > DATA_MAX) {
    throw fieldError(errnoField, `${data} is not a number from 0 to ${DATA_MAX}`);
  }
  return value | data;
}

/** Whether the default action holds for calls too which the profile does not name because it is older than they are. */
export function lets(action: number): boolean {
  const kind = (action & ~DATA_MAX) >>> 0;
  return [SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF].includes(kind);
}

/**
 * @param notifies whether some rule asks a listener
 * @returns SECCOMP_FILTER_FLAG_* for seccomp(2)
 * @throws TsboxError `invalid` for an unknown flag, or one that the kernel refuses in this combination
 */
export function parseFlags(flags: readonly string[], notifies: boolean): number {
  let value = notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  for (const [index, flag] of flags.entries()) {
    const bit = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
    const field = `linux.seccomp.flags[${index}]`;
    if (bit === undefined) throw fieldError(field, `${flag} is not a flag`);
    if (bit === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !notifies) {
      throw fieldError(field, `${flag} needs a rule with SCMP_ACT_NOTIFY`);
    }
    // with both a listener and TSYNC the result could be a descriptor or a thread id; the kernel wants to know which
    if (bit === SECCOMP_FILTER_FLAG_TSYNC && notifies) value |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    value |= bit;
  }
  return value;
}
