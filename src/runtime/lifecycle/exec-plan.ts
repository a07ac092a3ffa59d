/** The plan of `exec`: a process in between joins the container's namespaces and starts the new one as the supervisor's child. */
import type { IdMapping } from "../../idmap/index.ts";
import {
  CLONE_NEWUSER,
  CLONE_PARENT,
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from "../../linux/abi.gen.ts";
import { statPath } from "../../linux/stat.ts";
import type { Process } from "../../oci/index.ts";
import {
  addFailureProgram,
  EXIT_STATUS,
  PlanBuilder,
  type Program,
  RECOVER_DENIED,
  type Slot,
  STDIN,
  STDOUT,
} from "../../plan/index.ts";
import { addConnection } from "../connection.ts";
import type { Compilation } from "../context.ts";
import { CREATED, GO, slots } from "../conversation.ts";
import { addEventLine, eventLine } from "../event-line.ts";
import { addIdentity } from "../identity.ts";
import { readNamespaces, sharesMounts } from "../namespaces.ts";
import { addNullStream } from "../null-stream.ts";
import { addChroot } from "../pivot.ts";
import { addOomScore, addProcess, addProcessLimits, searchPaths } from "../process.ts";
import { addCpuAffinity, addIntelRdtTask, addTerminal, openLabels } from "../rare-fields.ts";
import type { CompiledSeccomp } from "../seccomp/index.ts";
import { addListener } from "../seccomp/listener.ts";
import { addWindow } from "../window.ts";
import type { ExecOptions } from "./exec.ts";
import { mappingOf } from "./mapping.ts";
import { addPidFile } from "./pid-file.ts";
import { keyringName, type StateRecord } from "./state-folder.ts";

export const EXEC_FAILURE = "__oci-exec-failure";

export interface ExecPlan {
  readonly options: ExecOptions;
  readonly record: StateRecord;
  readonly process: Process;
  /** The container's ids, where they are better known than from config.json: of a user namespace that is joined that tells nothing. */
  readonly mapping?: IdMapping | undefined;
  /** Of the container's first process, open without close-on-exec. */
  readonly pidfd: number;
  readonly seccomp: CompiledSeccomp | undefined;
  /** Which standard streams are the container's /dev/null instead of the caller's. */
  readonly nullStreams?: { readonly input: boolean; readonly output: boolean } | undefined;
  /**
   * The cgroup limits nothing, and is left out where the kernel does not let the caller in: from a login session, into what a unit of the
   * person's systemd started (cgroups(7), "Cgroup delegation containment").
   */
  readonly cgroupOptional?: boolean | undefined;
  /** The tsbox command that says what failed; the runtime's own when absent. */
  readonly failure?: readonly [string, ...string[]] | undefined;
  /** A file to which a line is appended when the program has ended, unless nobody waits for it (`detach`). */
  readonly ended?: { readonly path: string; readonly event: object } | undefined;
}

/** @throws TsboxError naming the field that cannot be carried out */
export function compileExec(exec: ExecPlan): Uint8Array {
  const { options, record, process, pidfd, seccomp, nullStreams } = exec;
  const config = { ...record.config, process };
  const mapping = exec.mapping ?? mappingOf(config);
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const [ours, theirs, child, log, container] = slots(outside, 5);
  const cgroup = record.cgroup === undefined ? null : outside.slot();
  const console = options.consoleSocket === undefined ? undefined : addConnection(outside, options.consoleSocket);
  const pidfdSocket = options.pidfdSocket === undefined ? undefined : addConnection(outside, options.pidfdSocket);
  const listener = addListener(outside, seccomp, { ...record, annotations: config.annotations, status: "running" });
  const pid = outside.slot();
  const labels = openLabels(outside, process);
  const joiner = plan.program("join", outside);
  const inside = plan.program("inside", outside);
  const [root, mount, target, devNull, terminal] = slots(inside, 5);
  const compilation: Compilation = {
    config,
    mapping,
    plan,
    outside,
    inside,
    root,
    mount,
    target,
    devNull,
    readOnlyLater: [],
    labels,
    exposed: true,
  };

  outside.add("adopt", [container, pidfd]);
  outside.add("memfd", [log, "helpers"]);
  outside.add("socketpair", [ours, theirs]);
  if (cgroup !== null && record.cgroup !== undefined) {
    const path = options.cgroup === undefined ? record.cgroup.path : `${record.cgroup.path}/${options.cgroup}`;
    outside.add("openat2", [cgroup, null, path, O_PATH | O_DIRECTORY, 0, 0], { note: `open the cgroup ${path}` });
  }
  addCpuAffinity(outside, process.execCPUAffinity?.initial, "initial");
  const note = "start a process in the container's cgroup";
  if (exec.cgroupOptional && cgroup !== null) {
    const [refused, started] = [outside.label(), outside.label()];
    outside.add("clone", [joiner, 0, pid, cgroup, 0, SIGKILL], { recover: RECOVER_DENIED, to: refused, note });
    outside.add("jump", [], { to: started });
    outside.place(refused);
    outside.add("clone", [joiner, 0, pid, null, 0, SIGKILL], { note: "start a process" });
    outside.place(started);
  } else outside.add("clone", [joiner, 0, pid, cgroup, 0, SIGKILL], { note });
  addOomScore(joiner, process, "self");
  // from here on the container's processes may see it; execve ends that
  joiner.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
  if (cgroup !== null) joiner.add("close", [cgroup]);
  // all at once, so that the order in which rights are gained and lost is the kernel's concern: setns(2), Linux 5.8
  const namespaces = joinedNamespaces(record);
  if (namespaces !== 0) joiner.add("setns", [container, namespaces], { note: "join the container's namespaces" });
  joiner.add("clone", [inside, CLONE_PARENT, child, null, 0, 0], { note: "start a process in the container" });
  joiner.add("send_fd", [theirs, child]);
  outside.add("close", [theirs]);
  outside.add("recv_subject", [child, ours], { note: "join the container's namespaces" });
  outside.add("wait_success", [pid], { note: "join the container's namespaces" });
  addIntelRdtTask(outside, config, record.id);
  outside.add("send_subject", [ours], { note: "start the process" });

  inside.add("close", [ours]);
  inside.add("recv_identity", [theirs], { note: "wait for the supervisor" });
  inside.add("prctl", [PR_SET_PDEATHSIG, SIGKILL, 0], { note: "end with the supervisor" });
  addIdentity(compilation, true);
  // with a mount namespace of its own, its root is the container's
  const rootPath = sharesMounts(config) ? record.rootfs : "/";
  const keyring = keyringName(record);
  if (keyring !== undefined) inside.add("session_keyring", [keyring], { note: "join the session keyring" });
  inside.add("openat2", [root, null, rootPath, O_PATH | O_DIRECTORY, 0, 0], { note: "open the container's root" });
  if (process.terminal)
    addTerminal(compilation, { receiver: console ?? theirs, terminal, uid: process.user.uid, console: false });
  if (sharesMounts(config)) addChroot(inside, root);
  else inside.add("close", [root]);
  addCpuAffinity(inside, process.execCPUAffinity?.final, "final");
  addProcessLimits(compilation, process);
  const master = process.terminal && console === undefined ? outside.slot() : null;
  if (master !== null) {
    outside.add("recv_fd", [master, ours], { note: "open the terminal" });
    addWindow(outside, master, process);
  }
  const program = process.args?.[0] ?? "";
  const nothing = nullStreams?.input || nullStreams?.output ? addNullStream(inside) : undefined;
  const input = nullStreams?.input ? nothing : undefined;
  const output = nullStreams?.output ? nothing : undefined;
  addProcess(compilation, {
    process,
    seccomp: seccomp === undefined ? undefined : { ...seccomp, listener },
    terminal: process.terminal ? terminal : undefined,
    stdio: [input, output, output],
    preserveFds: options.preserveFds,
    keep: [theirs],
    init: false,
    deathSignal: SIGKILL,
    beforeProgram: () => {
      inside.add("find_program", [searchPaths(program, process.env ?? [])], { note: `run ${JSON.stringify(program)}` });
      inside.add("send", [theirs, CREATED]);
      inside.add("recv", [theirs, GO], { note: "wait for the supervisor" });
      if (options.detach) inside.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
    },
  });
  outside.add("recv", [ours, CREATED], { note: "set up the process" });
  addPidFile(outside, options.pidFile);
  if (pidfdSocket !== undefined)
    outside.add("send_fd", [pidfdSocket, child], { note: "send the process to --pidfd-socket" });
  outside.add("send", [ours, GO], { note: "start the program" });
  outside.add("await_exec", [], { note: "start the program" });
  if (!options.detach) addSupervision(outside, child, master, nullStreams?.input !== true);
  if (!options.detach && exec.ended !== undefined)
    addEventLine(outside, exec.ended.path, eventLine(exec.ended.event, `,"exitCode":${EXIT_STATUS}`));
  outside.add("exit", [options.detach ? 0 : 256]);
  const { path = "", format } = options.log;
  addFailureProgram(plan, log, undefined, exec.failure ?? [EXEC_FAILURE, format, path]);
  return plan.encode();
}

function addSupervision(outside: Program, child: Slot, master: Slot | null, types: boolean): void {
  outside.add("supervise", [child, master, master === null || !types ? null : STDIN, master === null ? null : STDOUT]);
}

/** Those that the container has of its own; a user namespace that is the caller's own cannot be joined (setns(2), EINVAL). */
function joinedNamespaces(record: StateRecord): number {
  const { create, join } = readNamespaces(record.config);
  const paths = join.reduce((flags, { flag }) => flags | flag, 0);
  const all = create | paths;
  if ((paths & CLONE_NEWUSER) === 0) return all;
  const inode = (path: string) => statPath(path).ino;
  return inode(`/proc/${record.pid}/ns/user`) === inode("/proc/self/ns/user") ? all & ~CLONE_NEWUSER : all;
}
