/** State of this process that the kernel only tells by system call: prctl(2). */
import { SYS } from "./abi.gen.ts";
import { readShortText } from "./read-text.ts";
import { syscall } from "./syscall.ts";

const PR_GET_NO_NEW_PRIVS = 39;
const PR_GET_SECCOMP = 21;

/** Whether `no_new_privs` is set: setuid bits and file capabilities of programs are then ignored. */
export function hasNoNewPrivs(): boolean {
  return syscall(SYS.prctl, PR_GET_NO_NEW_PRIVS) === 1;
}

/** Whether a seccomp filter is on this process. EINVAL means that the kernel has no seccomp. */
export function hasSeccompFilter(): boolean {
  // mode 1 (strict) would have killed us at this very call
  return syscall(SYS.prctl, PR_GET_SECCOMP) === 2;
}

/** Whether the kernel knows seccomp filters. */
export function kernelHasSeccomp(): boolean {
  return syscall(SYS.prctl, PR_GET_SECCOMP) >= 0;
}

/** Whether this process lives in a user namespace other than the first: root there is not the host's. user_namespaces(7) */
export function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readShortText("/proc/self/uid_map") ?? "0 0 4294967295");
}
