/** Compiles `linux.seccomp` of config.json into the program that seccomp(2) takes. */
import { SECCOMP_RET_USER_NOTIF } from "../../linux/abi.gen.ts";
import type { LinuxSeccomp } from "../../oci/index.ts";
import { fieldError, parseAction, parseFlags } from "./action.ts";
import { type Architecture, chooseAbis, hostArchitecture } from "./architecture.ts";
import { parseCondition } from "./condition.ts";
import { generate } from "./generate.ts";
import { type Rule, Rules } from "./rules.ts";

export interface CompiledSeccomp {
  /** `struct sock_filter` after `struct sock_filter`, 8 bytes each, little-endian. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*; with NEW_LISTENER, seccomp(2) returns the descriptor that `listenerPath` is to be sent. */
  readonly flags: number;
  /** Where there is a rule that asks a listener: its socket. */
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
}

/**
 * Decides as libseccomp with runc's use of it does: names that are unknown are passed over, rules that say what is the default
 * anyway too, calls newer than all that the profile names fail with ENOSYS (unless the default lets calls pass), and other
 * architectures end the thread.
 *
 * @param arch what the kernel is built for
 * @throws TsboxError `invalid` naming the field, also when the filter would be longer than the kernel's 4096 instructions
 */
export function compileSeccomp(config: LinuxSeccomp, arch: Architecture = hostArchitecture()): CompiledSeccomp {
  const { rules, standard, notifies } = parseRules(config, arch);
  const flags = parseFlags(config.flags ?? [], notifies);
  checkListener(config, notifies);
  // without such a rule, a path is to be ignored
  const { listenerPath, listenerMetadata }: LinuxSeccomp = notifies ? config : { defaultAction: "" };
  return { program: generate(rules, standard), flags, listenerPath, listenerMetadata };
}

function parseRules(config: LinuxSeccomp, arch: Architecture) {
  const prefix = "linux.seccomp";
  const { defaultAction, defaultErrnoRet } = config;
  const standard = parseAction(defaultAction, defaultErrnoRet, `${prefix}.defaultAction`, `${prefix}.defaultErrnoRet`);
  const rules = new Map(chooseAbis(arch, config.architectures ?? []).map((abi) => [abi, new Rules(abi)]));
  let notifies = standard === SECCOMP_RET_USER_NOTIF;
  for (const [index, syscall] of (config.syscalls ?? []).entries()) {
    const field = `${prefix}.syscalls[${index}]`;
    const action = parseAction(syscall.action, syscall.errnoRet, `${field}.action`, `${field}.errnoRet`);
    const conditions = (syscall.args ?? []).map((arg, at) => parseCondition(arg, `${field}.args[${at}]`));
    if (syscall.names.length === 0) throw fieldError(`${field}.names`, "it names no system call");
    const parts = alternatives(conditions).map((part) => ({ conditions: part, action, field }));
    notifies ||= action === SECCOMP_RET_USER_NOTIF;
    for (const [at, name] of syscall.names.entries()) {
      if (name === "") throw fieldError(`${field}.names[${at}]`, "a name is empty");
      for (const ofAbi of rules.values()) {
        ofAbi.mention(name);
        if (action === standard) continue;
        for (const part of parts) ofAbi.add(name, part);
      }
    }
  }
  return { rules, standard, notifies };
}

/** All conditions must hold, but where two are about one argument, each is a rule of its own: profiles are written for runc. */
function alternatives(conditions: Rule["conditions"]): readonly Rule["conditions"][] {
  const arguments_ = new Set(conditions.map(({ argument }) => argument));
  return arguments_.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

function checkListener({ listenerPath, listenerMetadata }: LinuxSeccomp, notifies: boolean): void {
  const field = "linux.seccomp.listenerPath";
  if (notifies && !listenerPath) throw fieldError(field, "SCMP_ACT_NOTIFY needs a listener");
  if (notifies && !listenerPath?.startsWith("/")) throw fieldError(field, `${listenerPath} is not an absolute path`);
  if (listenerMetadata && !listenerPath) {
    throw fieldError("linux.seccomp.listenerMetadata", "there is no listenerPath to send it to");
  }
}
