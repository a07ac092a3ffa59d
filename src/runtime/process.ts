/** `process` of config.json: the last operations before the container's program runs. */
import { TsboxError } from "../error.ts";
import {
  O_WRONLY,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  RLIMITS,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
} from "../linux/abi.gen.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import { encode, type Program, RECOVER_DENIED, type Slot, STDIN, SUBJECT_PID } from "../plan/index.ts";
import { capabilityMask, capabilityNames, ownCapabilities } from "./capabilities.ts";
import { type Compilation, isMapped } from "./context.ts";
import { addLabels, addMemoryPolicy, addPersonality, addScheduling } from "./rare-fields.ts";
import type { SeccompListener } from "./seccomp/index.ts";

export type ProcessConfig = NonNullable<RuntimeConfig["process"]>;

/** A compiled filter: `struct sock_filter` array, and SECCOMP_FILTER_FLAG_*. */
export interface SeccompFilter {
  readonly program: Uint8Array;
  readonly flags: number;
  /** For SCMP_ACT_NOTIFY: who gets the filter's descriptor, by `addListener`. */
  readonly listener?: SeccompListener | undefined;
}

export interface ProcessOptions {
  readonly process: ProcessConfig;
  readonly seccomp: SeccompFilter | undefined;
  /** The terminal's end for the program, open in `inside`. */
  readonly terminal: Slot | undefined;
  /** What becomes standard input, output and error: a slot, or undefined to keep what is there. */
  readonly stdio: readonly [Slot | undefined, Slot | undefined, Slot | undefined];
  /** Descriptors from 3 on that the program keeps. */
  readonly preserveFds: number;
  /** Needed by `beforeProgram`; all others are closed then. */
  readonly keep: readonly Slot[];
  /** Put a small process of ours at pid 1 that reaps orphans. */
  readonly init: boolean;
  /** Signal for the program when its supervisor dies, or 0. */
  readonly deathSignal: number;
  /** Appends what happens when all is set up but the program is not there yet: waiting for `start`, and its hooks. */
  readonly beforeProgram?: () => void;
  /** Told of capabilities that cannot be granted, which is no failure (runtime-spec config.md, "capabilities"). */
  readonly warn?: ((message: string) => void) | undefined;
}

/** capabilities(7) */
const CAP_SYS_ADMIN = 1n << 21n;

const ALL = (1n << 64n) - 1n;

/** RLIM_INFINITY is the largest 64-bit number; JSON has it as a number that doubles cannot hold. */
function limit(value: number): bigint {
  return value >= 2 ** 63 || value < 0 ? ALL : BigInt(Math.trunc(value));
}

function limitText(value: number): string {
  const exact = limit(value);
  return exact === ALL ? "unlimited" : String(exact);
}

/**
 * `process.oomScoreAdj`, through the caller's procfs: a container's own may be anything by the time that somebody joins it. And by who
 * still has the caller's rights, because a lower score takes CAP_SYS_RESOURCE on the host (proc(5)).
 *
 * @param pid `self`, or SUBJECT_PID for a process that `program` has just made
 */
export function addOomScore(program: Program, { oomScoreAdj }: ProcessConfig, pid: string): void {
  if (oomScoreAdj === undefined) return;
  program.add("write_file", [null, `/proc/${pid}/oom_score_adj`, encode(String(oomScoreAdj)), O_WRONLY], {
    expand: pid === SUBJECT_PID,
    note: `set process.oomScoreAdj to ${oomScoreAdj}`,
  });
}

/** Limits, scheduling: while all capabilities are still there. */
export function addProcessLimits(compilation: Compilation, process: ProcessConfig): void {
  const { inside, config } = compilation;
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const resource = Object.hasOwn(RLIMITS, type) ? RLIMITS[type] : undefined;
    if (resource === undefined) {
      throw new TsboxError("invalid", `cannot run: process.rlimits: ${type} is not a limit`);
    }
    inside.add("prlimit", [resource, limit(soft), limit(hard)], {
      note: `set ${type} to ${limitText(soft)}:${limitText(hard)}`,
    });
  }
  addScheduling(inside, process);
  addMemoryPolicy(inside, config);
  addPersonality(inside, config);
}

/** argv[0] as execvp(3) looks it up, in the container's PATH. */
export function searchPaths(program: string, env: readonly string[]): string[] {
  // an empty name is no folder's file: it is not found, as execvp(3) has it
  if (program === "" || program.includes("/")) return [program];
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  const folders =
    path === undefined
      ? ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
      : path.split(":");
  return folders.map((folder) => `${folder === "" ? "." : folder}/${program}`);
}

const LARGEST_ID = 2 ** 32 - 2;

/** Appends everything up to and including execve. The root must be the container's, and the supervisor ready. */
export function addProcess(compilation: Compilation, options: ProcessOptions): void {
  const { inside, mapping } = compilation;
  const { process, seccomp, terminal } = options;
  const { uid, gid, umask, additionalGids = [] } = process.user;
  const args = process.args ?? [];
  const program = args[0];
  if (program === undefined) throw new TsboxError("invalid", "cannot run: process.args is empty");
  const { capabilities = {} } = process;
  // a user namespace of its own grants its first process all of them
  const grantable = mapping.kind === "none" ? ownCapabilities() : ALL;
  const mask = (name: keyof typeof capabilities) => {
    const field = `process.capabilities.${name}`;
    const asked = capabilityMask(capabilities[name], field, options.warn);
    const lacking = asked & ~grantable;
    if (lacking !== 0n && options.warn !== undefined)
      options.warn(`${field}: tsbox itself does not have ${capabilityNames(lacking).join(", ")}`);
    return asked & grantable;
  };
  for (const [field, ranges, id] of [
    ["uid", mapping.uids, uid],
    ["gid", mapping.gids, gid],
  ] as const) {
    // (uid_t) -1 is "leave it as it is" to setresuid(2): the program would be root
    if (id > LARGEST_ID) throw new TsboxError("invalid", `cannot run: process.user.${field}: ${id} is not an id`);
    if (mapping.kind !== "none" && !isMapped(ranges, id)) {
      throw new TsboxError(
        "unsupported",
        `cannot run as ${field} ${id}: it is not among the mapped ids of this user; see tsbox doctor`,
      );
    }
  }

  if (!process.cwd.startsWith("/"))
    throw new TsboxError("invalid", `cannot run: process.cwd: ${JSON.stringify(process.cwd)} is not an absolute path`);

  // what runc and crun have where config.json says nothing
  inside.add("umask", [umask ?? 0o022]);
  const cwdNote = `enter the working folder ${process.cwd}`;
  // as root first, and again as the user for folders that only the user may enter (NFS, FUSE)
  const denied = inside.label();
  inside.add("chdir", [process.cwd], { note: cwdNote, recover: RECOVER_DENIED, to: denied });
  inside.place(denied);

  addLabels(inside, compilation.labels);
  const noNewPrivileges = process.noNewPrivileges === true;
  // The filter comes last, so that it need not allow what tsbox does. Without no_new_privs that takes CAP_SYS_ADMIN (seccomp(2)), which
  // is kept until then: only capset(2) and execve(2) are under the filter.
  const kept = seccomp !== undefined && !noNewPrivileges ? CAP_SYS_ADMIN : 0n;
  inside.add("bound_capabilities", [mask("bounding")], {
    note: "limit the capabilities to process.capabilities.bounding",
  });
  if (uid !== 0) inside.add("prctl", [PR_SET_KEEPCAPS, 1, 0]);
  if (mapping.kind !== "single") {
    const gids = new Uint8Array(new Uint32Array(additionalGids).buffer);
    inside.add("setgroups", [gids], { note: `join the groups ${additionalGids.join(", ")}` });
  } else if (additionalGids.some((id) => id !== gid)) {
    throw new TsboxError(
      "unsupported",
      "cannot run: process.user.additionalGids needs subordinate group ids; see tsbox doctor",
    );
  }
  // as runc has it: programs of others open /dev/stderr too, and pipes are the caller's
  if (uid !== 0 && terminal === undefined) inside.add("own_pipes", [uid]);
  inside.add("setresgid", [gid], { note: `become group ${gid}` });
  inside.add("setresuid", [uid], { note: `become user ${uid}` });
  const setCapabilities = (more: bigint, note: string) =>
    inside.add("capset", [mask("effective") | more, mask("permitted") | more, mask("inheritable")], { note });
  setCapabilities(kept, "set the capabilities");
  // only what is permitted and inheritable can be ambient (capabilities(7)); buildah asks for more, and runc and crun pass over it
  const ambient = mask("ambient") & mask("permitted") & mask("inheritable");
  inside.add("ambient_capabilities", [ambient], { note: "set the ambient capabilities" });
  inside.add("chdir", [process.cwd], { note: cwdNote });
  inside.add("require_cwd_inside", [], { note: cwdNote });

  addStdio(compilation, options);
  const open = [...options.keep, ...(seccomp?.listener === undefined ? [] : [seccomp.listener.socket])];
  inside.add("close_others", [3 + options.preserveFds, open.reduce((mask, slot) => mask | (1n << BigInt(slot)), 0n)]);
  // changing ids clears it, and then only the host's root may look at the process or join it: exec before start does
  inside.add("prctl", [PR_SET_DUMPABLE, compilation.exposed ? 0 : 1, 0]);
  // after changing ids, which clears it (prctl(2))
  if (options.deathSignal !== 0) inside.add("prctl", [PR_SET_PDEATHSIG, options.deathSignal, 0]);
  const confine = () => {
    if (noNewPrivileges) inside.add("prctl", [PR_SET_NO_NEW_PRIVS, 1, 0], { note: "set no_new_privs" });
    if (seccomp !== undefined) addSeccomp(compilation, seccomp);
    if (kept !== 0n) setCapabilities(0n, "give up CAP_SYS_ADMIN, which loading the filter took");
  };
  if (options.init) {
    // the program ends with pid 1 by the rules of pid namespaces
    confine();
    inside.add("reap_as_init", [], { note: "start the init process" });
  }
  inside.add("setsid", [], { note: "start a session" });
  if (terminal !== undefined) inside.add("set_terminal", [STDIN], { note: "make the terminal the controlling one" });
  inside.add("reset_signals", []);
  options.beforeProgram?.();
  if (!options.init) confine();
  inside.add("execve", [searchPaths(program, process.env ?? []), args, process.env ?? []], {
    note: `run ${JSON.stringify(program)}`,
  });
}

function addStdio({ inside }: Compilation, { terminal, stdio }: ProcessOptions): void {
  for (const target of [0, 1, 2] as const) {
    const source = terminal ?? stdio[target];
    if (source !== undefined) inside.add("dup2", [source, target]);
  }
}

function addSeccomp({ inside, outside }: Compilation, { program, flags, listener }: SeccompFilter): void {
  if (listener === undefined) {
    // nobody would ever answer
    if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
      throw new TsboxError("internal", "cannot run: linux.seccomp: no listener");
    inside.add("seccomp", [flags, program], { note: "load the seccomp filter" });
    return;
  }
  // there is one thread, and another for the moment that must not come under the filter (native/seccomp.c)
  const alone = flags & ~(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
  inside.add("seccomp_notify", [alone, program, listener.socket, listener.state], {
    expand: true,
    note: "load the seccomp filter and hand its descriptor to linux.seccomp.listenerPath",
  });
  // `inside` has been started: its copy is to be the only one, so that the connection ends with the state
  outside.add("close", [listener.socket]);
}
