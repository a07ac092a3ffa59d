/**
 * Compiles a container (config.json and what surrounds it) into a plan. Pure but for `stat` of bind sources: nothing of the
 * host is changed here, so `--explain` can print the result and tests can compare it.
 */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  CLONE_NEWCGROUP,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  CLONE_PARENT,
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  OPEN_TREE_CLONE,
  PR_SET_DUMPABLE,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  S_IFCHR,
  S_IFDIR,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { HelperProcess } from "../network/index.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import {
  addFailureProgram,
  addIdMapping,
  encode,
  type Label,
  PlanBuilder,
  type Program,
  RECOVER_BUSY,
  RECOVER_DENIED,
  RECOVER_EXISTS,
  RECOVER_MISSING,
  RECOVER_OTHER,
  RECOVER_UNSUPPORTED,
  type Slot,
  STDERR,
  STDIN,
  STDOUT,
  SUBJECT_PID,
} from "../plan/index.ts";
import { addReadOnlyRoot, addRootMount, type RootSource } from "../rootfs/index.ts";
import { type Compilation, isMapped } from "./context.ts";
import { addConsole, addDevices, deviceNumber } from "./devices.ts";
import { addHelper } from "./helpers.ts";
import { addMount } from "./mounts.ts";
import { readNamespaces } from "./namespaces.ts";
import { addMaskedPaths, addReadOnlyPaths } from "./paths.ts";
import { addProcess, addProcessLimits, type SeccompFilter } from "./process.ts";

export interface CompileOptions {
  readonly config: RuntimeConfig;
  readonly mapping: IdMapping;
  readonly root: RootSource;
  readonly seccomp: SeccompFilter | undefined;
  /** A reaper at pid 1. */
  readonly init: boolean;
  /** Whether the program reads what tsbox's standard input gives; otherwise it has /dev/null. */
  readonly interactive: boolean;
  /** Programs of the host that serve the container (network), started before it and ended with it. */
  readonly helpers: readonly HelperProcess[];
  /** tsbox command lines that run once the helpers are ready, such as publishing ports. */
  readonly commands: readonly (readonly string[])[];
  /** Absolute path of the cgroup that the container starts in; removed with it. */
  readonly cgroup: string | undefined;
  /** Open namespaces (inherited descriptors) by the paths that config.json gives for them; the others are opened by path. */
  readonly openNamespaces: ReadonlyMap<string, number>;
  /** Folders of the root file system that stay writable when the root is read-only; made where they are missing. */
  readonly writablePaths: readonly string[];
  /** Where the pid is written, in decimal, once the program runs. */
  readonly pidFile: string | undefined;
  /** Descriptor of a lock that is held for as long as the container lives; it must be open without close-on-exec. */
  readonly lockFd: number | undefined;
  /** Files and folders to be removed when the container has ended (`always`), or only when it could not be started. */
  readonly remove: { readonly always: readonly string[]; readonly onFailure: readonly string[] };
  /** argv of a tsbox command for a clean-up that native could not finish. */
  readonly cleanup: readonly string[];
}

const READY = 1;
const GO = 2;
const ANY_FAILURE =
  RECOVER_MISSING | RECOVER_DENIED | RECOVER_EXISTS | RECOVER_UNSUPPORTED | RECOVER_BUSY | RECOVER_OTHER;

const PROPAGATION: Record<string, number> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

/**
 * @returns the plan of a container that runs in the foreground, for `becomeNative`
 * @throws TsboxError naming the field that cannot be carried out
 */
export function compileForeground(options: CompileOptions): Uint8Array {
  const { config, mapping } = options;
  const process = config.process;
  if (process === undefined) throw new TsboxError("invalid", "cannot run: config.json has no process");
  refuseUnbuilt(config);
  const namespaces = readNamespaces(config);
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const [ours, theirs, child, log, userns] = slots(outside, 5);
  const [master, rootHelper] = slots(outside, 2);
  const cgroup = options.cgroup === undefined ? null : outside.slot();
  const joins = namespaces.join.map((join) => ({ ...join, slot: outside.slot() }));
  const inside = plan.program("inside", outside);
  const [root, mount, target, devNull, dev, proc, terminal] = slots(inside, 7);
  const compilation: Compilation = { config, mapping, plan, outside, inside, root, mount, target, devNull };

  if (options.lockFd !== undefined) outside.add("adopt", [outside.slot(), options.lockFd]);
  outside.add("memfd", [log, "helpers"]);
  outside.add("socketpair", [ours, theirs]);
  for (const { slot, path } of joins) {
    const fd = options.openNamespaces.get(path);
    if (fd !== undefined) outside.add("adopt", [slot, fd], { note: `use the namespace ${path}` });
    else outside.add("openat2", [slot, null, path, O_RDONLY, 0, 0], { note: `open the namespace ${path}` });
  }
  if (cgroup !== null && options.cgroup !== undefined) {
    outside.add("openat2", [cgroup, null, options.cgroup, O_PATH | O_DIRECTORY, 0, 0], {
      note: `open ${options.cgroup}`,
    });
  }
  const joinsUser = joins.some(({ flag }) => flag === CLONE_NEWUSER);
  const user = mapping.kind === "none" || joinsUser ? 0 : CLONE_NEWUSER;
  const create = namespaces.create | CLONE_NEWNS | user;
  // a cgroup namespace begins at the cgroup of the process that makes it
  const flags = create & ~CLONE_NEWCGROUP;
  if (joinsUser) addJoiner(compilation, { joins, flags, child, cgroup, ours, theirs });
  else outside.add("clone", [inside, flags, child, cgroup, 1, SIGKILL], { note: "make the container's namespaces" });
  outside.add("close", [theirs]);
  inside.add("close", [ours]);
  // a user namespace that is joined has its ids
  if (!joinsUser) addIdMapping(plan, outside, mapping, log);
  // removing what subordinate ids own takes the container's user namespace, which lasts as long as this descriptor
  const removes = mapping.kind === "subuid" && options.remove.always.length + options.remove.onFailure.length > 0;
  if (removes) {
    outside.add("openat2", [userns, null, `/proc/${SUBJECT_PID}/ns/user`, O_RDONLY, 0, 0], {
      expand: true,
      note: "open the container's user namespace",
    });
  }
  outside.add("send", [ours, READY], { note: "start the container's first process" });

  inside.add("recv", [theirs, READY], { note: "wait for the id mapping" });
  addIdentity(inside, mapping);
  if (!joinsUser) addJoins(inside, joins);
  if (create & CLONE_NEWCGROUP) inside.add("unshare", [CLONE_NEWCGROUP], { note: "make a cgroup namespace" });
  inside.add(
    "mount",
    [null, "/", null, PROPAGATION[config.linux?.rootfsPropagation ?? ""] ?? MS_SLAVE | MS_REC, null],
    {
      note: "keep the container's mounts from the host",
    },
  );
  const sockets = { insideSocket: theirs, outsideSocket: ours };
  const chownUpper =
    mapping.kind !== "none" &&
    mapping.uids.find((range) => range.container === 0)?.host !== globalThis.process.geteuid?.();
  const rootContext = {
    plan,
    inside,
    outside,
    ...sockets,
    child,
    log,
    chownUpper: chownUpper && isMapped(mapping.uids, 0),
  };
  const mounted = addRootMount(rootContext, options.root, { root, helper: rootHelper });
  inside.add("openat2", [devNull, null, "/dev/null", O_PATH, 0, 0], { note: "open /dev/null" });
  inside.add("require_device", [devNull, S_IFCHR, deviceNumber(1, 3)], { note: "use the host's /dev/null" });

  for (const [index, entry] of (config.mounts ?? []).entries()) addMount(compilation, entry, index);
  addDevices(compilation, dev);
  if (process.terminal) addTerminal(compilation, { theirs, terminal, uid: process.user.uid });
  addSysctl(compilation, proc);
  addReadOnlyPaths(compilation);
  addMaskedPaths(compilation);
  inside.add("make_in", [target, root, process.cwd, 0o755, S_IFDIR], {
    note: `make the working folder ${process.cwd}`,
  });
  inside.add("close", [target]);
  for (const path of options.writablePaths) addWritablePath(compilation, path, config.root?.readonly === true);
  if (config.root?.readonly) addReadOnlyRoot(inside, root, MOUNT_ATTR_RDONLY);
  addPivot(inside, root);
  if (create & CLONE_NEWNET) inside.add("loopback_up", [], { note: "bring up the loopback device" });
  if (config.hostname !== undefined)
    inside.add("sethostname", [encode(config.hostname)], { note: "set the host name" });
  if (config.domainname !== undefined)
    inside.add("setdomainname", [encode(config.domainname)], { note: "set the domain name" });
  addProcessLimits(compilation, process);

  const helpers = options.helpers.map((helper) => addHelper(plan, outside, helper, { log, child }));
  for (const command of options.commands) addCommand(plan, outside, command, log);
  if (process.terminal) outside.add("recv_fd", [master, ours], { note: "open the terminal" });
  outside.add("send", [ours, GO], { note: "start the program" });
  inside.add("recv", [theirs, GO], { note: "wait for the supervisor" });
  const stdin = options.interactive ? undefined : addNullInput(inside);
  addProcess(compilation, {
    process,
    seccomp: options.seccomp,
    terminal: process.terminal ? terminal : undefined,
    stdio: [stdin, undefined, undefined],
    preserveFds: 0,
    init: options.init,
    deathSignal: SIGKILL,
  });

  outside.add("await_exec", [], { note: "start the program" });
  if (options.pidFile !== undefined) {
    outside.add("write_file", [null, options.pidFile, encode(SUBJECT_PID), O_WRONLY | O_CREAT | O_TRUNC], {
      expand: true,
      note: `write ${options.pidFile}`,
    });
  }
  const keyboard = options.interactive ? STDIN : null;
  outside.add("supervise", [child, process.terminal ? master : null, keyboard, process.terminal ? STDOUT : null]);
  const ended = [...helpers, ...(mounted.helper === undefined ? [] : [mounted.helper])];
  addHelperEnd(outside, ended);
  addRemoval(plan, outside, options, removes ? userns : undefined);
  if (options.cgroup !== undefined)
    outside.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR], { recover: ANY_FAILURE });
  outside.add("exit", [256]);
  addFailureProgram(plan, log, (program) => {
    addHelperEnd(program, ended);
    for (const path of [...options.remove.always, ...options.remove.onFailure])
      program.add("remove_tree", [null, path]);
    if (options.cgroup !== undefined) program.add("unlinkat", [null, options.cgroup, AT_REMOVEDIR]);
  });
  return plan.encode();
}

function slots(program: Program, count: 2): [Slot, Slot];
function slots(program: Program, count: 5): [Slot, Slot, Slot, Slot, Slot];
function slots(program: Program, count: 7): [Slot, Slot, Slot, Slot, Slot, Slot, Slot];
function slots(program: Program, count: number): Slot[] {
  return Array.from({ length: count }, () => program.slot());
}

/** What runtime-spec has and this compiler does not carry out yet is refused by name, never ignored. */
function refuseUnbuilt(config: RuntimeConfig): void {
  const linux = config.linux ?? {};
  const unbuilt: [string, unknown][] = [
    ["hooks", config.hooks && Object.values(config.hooks).some((list) => Array.isArray(list) && list.length > 0)],
    ["linux.intelRdt", linux.intelRdt],
    ["linux.personality", linux.personality],
    ["linux.timeOffsets", linux.timeOffsets],
    ["linux.mountLabel", linux.mountLabel],
    ["linux.netDevices", linux.netDevices],
    ["linux.memoryPolicy", linux.memoryPolicy],
    ["process.apparmorProfile", config.process?.apparmorProfile],
    ["process.selinuxLabel", config.process?.selinuxLabel],
  ];
  for (const [field, value] of unbuilt) {
    if (value) throw new TsboxError("unsupported", `cannot run: ${field} is not built yet`);
  }
}

interface Join {
  readonly slot: Slot;
  readonly flag: number;
  readonly path: string;
}

function addJoins(program: Program, joins: readonly Join[]): void {
  for (const { slot, flag, path } of joins) program.add("setns", [slot, flag], { note: `join the namespace ${path}` });
}

/**
 * The namespaces of another container belong to its user namespace, so that one is entered first, by a process in between:
 * the supervisor stays outside, and the container's first process becomes the supervisor's child all the same (CLONE_PARENT).
 */
function addJoiner(
  { plan, inside, outside }: Compilation,
  use: { joins: readonly Join[]; flags: number; child: Slot; cgroup: Slot | null; ours: Slot; theirs: Slot },
): void {
  const pid = outside.slot();
  const joiner = plan.program("join", outside);
  // the first process is started by a later program than this one
  plan.moveLast(inside);
  outside.add("clone", [joiner, 0, pid, use.cgroup, 0, SIGKILL], { note: "start a process" });
  addJoins(joiner, use.joins);
  joiner.add("clone", [inside, use.flags | CLONE_PARENT, use.child, null, 0, 0], {
    note: "make the container's namespaces",
  });
  joiner.add("send_fd", [use.theirs, use.child]);
  outside.add("recv_subject", [use.child, use.ours], { note: "join the other container's namespaces" });
  outside.add("wait_success", [pid], { note: "join the other container's namespaces" });
}

function addIdentity(inside: Program, mapping: IdMapping): void {
  if (mapping.kind === "none") return;
  if (mapping.kind === "subuid") inside.add("setgroups", [new Uint8Array()], { note: "drop supplementary groups" });
  // keep-id with a single id has no user 0; the first process has all capabilities all the same
  if (isMapped(mapping.gids, 0)) inside.add("setresgid", [0], { note: "become group 0 of the user namespace" });
  if (isMapped(mapping.uids, 0)) inside.add("setresuid", [0], { note: "become user 0 of the user namespace" });
  inside.add("prctl", [PR_SET_DUMPABLE, 1, 0]);
}

/** A pseudo terminal of the container's own devpts; its other end is opened through it, never by a path (CVE-2025-52565). */
function addTerminal(compilation: Compilation, use: { theirs: Slot; terminal: Slot; uid: number }): void {
  const { inside, root, config } = compilation;
  const ptmx = inside.slot();
  inside.add("openat2", [ptmx, root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS], {
    note: "open /dev/pts/ptmx of the container",
  });
  inside.add("open_pty", [ptmx, use.terminal, ptmx], { note: "make a terminal" });
  const size = config.process?.consoleSize;
  if (size !== undefined)
    inside.add("window_size", [ptmx, size.height, size.width], { note: "set process.consoleSize" });
  if (use.uid !== 0)
    inside.add("fchownat", [use.terminal, "", use.uid, 0xffffffff, 0x1000], { note: "give the terminal to the user" });
  addConsole(compilation, use.terminal);
  inside.add("send_fd", [use.theirs, ptmx], { note: "hand the terminal to the supervisor" });
  inside.add("close", [ptmx]);
}

/** Through the container's own procfs, verified, before any of it is made read-only (CVE-2019-19921, CVE-2025-52881). */
function addSysctl({ inside, root, config, target }: Compilation, proc: Slot): void {
  const entries = Object.entries(config.linux?.sysctl ?? {});
  if (entries.length === 0) return;
  inside.add("openat2", [proc, root, "/proc", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT], {
    note: "open /proc of the container",
  });
  inside.add("require_fs", [proc, PROC_SUPER_MAGIC], { note: "use /proc of the container" });
  for (const [key, value] of entries) {
    const note = `set linux.sysctl ${key}`;
    // a dot separates as a slash does, and either may stand for the other in a name (sysctl(8))
    const path = key.includes("/") ? key : key.replaceAll(".", "/");
    inside.add("openat2", [target, proc, `sys/${path}`, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS], { note });
    inside.add("write", [target, encode(value)], { note });
    inside.add("close", [target]);
  }
  inside.add("close", [proc]);
}

/** Bound over itself, a folder is a mount of its own, which does not become read-only with the root. */
function addWritablePath({ inside, root, mount, target }: Compilation, path: string, bound: boolean): void {
  inside.add("make_in", [target, root, path, 0o755, S_IFDIR], { note: `make the folder ${path}` });
  if (bound) {
    const note = `keep ${path} writable`;
    inside.add("open_tree", [mount, target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH], { note });
    inside.add("attach", [mount, root, path, S_IFDIR, 1], { note });
  }
  inside.add("close", [target]);
}

/** pivot_root(2), 'pivot_root(".", ".")': the old root ends up under the new one and is detached from there. */
function addPivot(inside: Program, root: Slot): void {
  inside.add("fchdir", [root], { note: "enter the container's root" });
  inside.add("pivot_root", [".", "."], { note: "make it the root" });
  inside.add("mount", [null, ".", null, MS_SLAVE | MS_REC, null], { note: "keep the unmounting from the host" });
  inside.add("umount2", [".", MNT_DETACH], { note: "leave the host's file systems" });
  inside.add("chdir", ["/"]);
  inside.add("close", [root]);
}

/** Without -i a program reads end of file. It is the container's /dev/null, whose device was verified when it was bound. */
function addNullInput(inside: Program): Slot {
  const slot = inside.slot();
  inside.add("openat2", [slot, null, "/dev/null", O_RDONLY, 0, 0], { note: "open /dev/null in the container" });
  inside.add("require_device", [slot, S_IFCHR, deviceNumber(1, 3)], { note: "use /dev/null in the container" });
  return slot;
}

/** Runs a tsbox command to its end; it must succeed. */
function addCommand(plan: PlanBuilder, outside: Program, argv: readonly string[], log: Slot): void {
  const program = plan.program(argv.find((word) => word.startsWith("__")) ?? "command", outside);
  program.add("dup2", [log, 2]);
  program.add("reset_signals", []);
  program.add("execve", [[argv[0] ?? ""], argv, []], { note: `run ${argv.join(" ")}` });
  const pid = outside.slot();
  outside.add("clone", [program, 0, pid, null, 0, SIGKILL], { note: `start ${program.name}` });
  outside.add("wait_success", [pid], { note: `run ${argv.join(" ")}` });
  outside.add("close", [pid]);
}

function addHelperEnd(program: Program, helpers: readonly Slot[]): void {
  for (const helper of helpers) {
    const next = program.label();
    program.add("kill", [helper, SIGKILL], { recover: ANY_FAILURE, to: next });
    // reaps it; that it was killed is what was wanted
    program.add("wait_success", [helper], { recover: ANY_FAILURE, to: next });
    program.place(next);
  }
}

/** Removes as root of the container's user namespace, in a process of its own, because entering it is for good. */
function addInsideRemoval(
  plan: PlanBuilder,
  parent: Program,
  userns: Slot,
  paths: readonly string[],
  failed?: Label,
): void {
  const remover = plan.program("remove", parent);
  remover.add("setns", [userns, CLONE_NEWUSER], { note: "enter the container's user namespace" });
  for (const path of paths) remover.add("remove_tree", [null, path], { note: `remove ${path}` });
  const pid = parent.slot();
  const recovery = failed === undefined ? {} : { recover: ANY_FAILURE, to: failed };
  parent.add("clone", [remover, 0, pid, null, 0, 0], recovery);
  parent.add("wait_success", [pid], recovery);
}

/** First as the caller, then as root of the container's user namespace, and what is still there is tsbox's to remove. */
function addRemoval(plan: PlanBuilder, outside: Program, options: CompileOptions, userns: Slot | undefined): void {
  const { always } = options.remove;
  if (always.length === 0) return;
  const [again, failed, done] = [outside.label(), outside.label(), outside.label()];
  for (const path of always) outside.add("remove_tree", [null, path], { recover: ANY_FAILURE, to: again });
  outside.add("jump", [], { to: done });
  outside.place(again);
  if (userns !== undefined) {
    addInsideRemoval(plan, outside, userns, always, failed);
    outside.add("jump", [], { to: done });
  }
  outside.place(failed);
  addCommand(plan, outside, options.cleanup, STDERR);
  outside.place(done);
}
