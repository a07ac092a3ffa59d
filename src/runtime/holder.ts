/**
 * The plan of a pod's holder: the process that owns what the containers of a pod have in common. It keeps a process of its own in the
 * pod's namespaces, which so have a path in /proc, runs the helper of the pod's network, and ends with its last member (`native/hub.c`).
 */
import type { IdMapping } from "../idmap/index.ts";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MNT_DETACH,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_REC,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { HelperProcess } from "../network/index.ts";
import {
  ANY_FAILURE,
  addFailureProgram,
  addIdMapping,
  addListening,
  addNullStreams,
  encode,
  OWN_PID,
  PlanBuilder,
  type Program,
  type Slot,
  SUBJECT_PID,
  SUBJECT_START,
  TIME_OF_DAY,
} from "../plan/index.ts";
import { slots } from "./conversation.ts";
import { addHelper } from "./helpers.ts";
import { addCommand } from "./removal.ts";

export interface HolderOptions {
  /** Absolute path of the pod's folder. */
  readonly folder: string;
  readonly mapping: IdMapping;
  /** Which namespaces it makes, beside the user namespace. */
  readonly network: boolean;
  readonly ipc: boolean;
  /** Bytes of the /dev/shm that goes with `ipc`. */
  readonly shmSize: number;
  readonly pid: boolean;
  /** Of a namespace of its own; the host's namespace stays when undefined. */
  readonly hostname: string | undefined;
  /** Inherited descriptor of the lock that it holds. */
  readonly lockFd: number;
  /** Inherited descriptor of a user namespace with that mapping to be used; a new one is made without. */
  readonly userFd: number | undefined;
  readonly helper: HelperProcess | undefined;
  /** Appends what connects it to named networks, once the helper is ready. */
  readonly attach: ((plan: PlanBuilder, holder: Program) => void) | undefined;
  /** tsbox command lines for when the helper is ready. */
  readonly commands: readonly (readonly string[])[];
  /** Folders outside the pod's that go when it ends. */
  readonly remove: readonly string[];
}

const [GO, READY, NEVER, STARTED] = [1, 2, 3, 4];
/** HUB_INTERNAL: it resolves no names, so asks nobody. */
const INTERNAL = 1;

/** The process that carries it out ends when the holder listens. */
export function compileHolder(options: HolderOptions): Uint8Array {
  const plan = new PlanBuilder();
  const launcher = plan.program("launcher");
  const [ours, theirs] = slots(launcher, 2);
  const [pid, log] = slots(launcher, 2);
  launcher.add("memfd", [log, "helpers"]);
  launcher.add("socketpair", [ours, theirs]);
  const holder = plan.program("holder", launcher);
  launcher.add("clone", [holder, 0, pid, null, 1, SIGKILL], { note: "start the pod's holder" });
  launcher.add("close", [theirs]);
  launcher.add("recv", [ours, STARTED], { note: "start the pod's holder" });
  launcher.add("exit", [0]);

  holder.add("take_reports", []);
  holder.add("close", [ours]);
  holder.add("setsid", []);
  const lock = holder.slot();
  holder.add("adopt", [lock, options.lockFd]);
  holder.add("close_on_exec", [lock]);
  // nothing of the caller's is kept open: a pipe would not end, a file system could not be unmounted
  holder.add("chdir", ["/"]);
  const made = addNamespaces(plan, holder, options, log);
  addStanding(holder, options, { theirs, ...made });
  addFailureProgram(plan, log);
  return plan.encode();
}

interface Made {
  readonly net: Slot;
  readonly user: Slot | null;
}

function addNamespaces(plan: PlanBuilder, holder: Program, options: HolderOptions, log: Slot): Made {
  const { mapping, folder } = options;
  const [ours, theirs] = slots(holder, 2);
  const [child, net] = slots(holder, 2);
  const user = mapping.kind === "none" ? null : holder.slot();
  const makesUser = user !== null && options.userFd === undefined;
  if (user !== null && options.userFd !== undefined) {
    holder.add("adopt", [user, options.userFd]);
    holder.add("close_on_exec", [user]);
  }
  holder.add("socketpair", [ours, theirs]);
  const infra = plan.program("pod", holder);
  holder.add("clone", [infra, makesUser ? CLONE_NEWUSER : 0, child, null, 1, SIGKILL], {
    note: "make the pod's namespaces",
  });
  holder.add("close", [theirs]);
  if (makesUser) addIdMapping(plan, holder, mapping, log);
  holder.add("send", [ours, GO], { note: "make the pod" });
  holder.add("recv", [ours, READY], { note: "make the pod's namespaces" });
  const open = (slot: Slot, name: string) =>
    holder.add("openat2", [slot, null, `/proc/${SUBJECT_PID}/ns/${name}`, O_RDONLY, 0, 0], {
      expand: true,
      note: `open the pod's ${name} namespace`,
    });
  open(net, "net");
  if (user !== null && makesUser) open(user, "user");
  addInfra(plan, infra, options, { ours, theirs, user: makesUser ? null : user });
  if (options.helper !== undefined) addHelper(plan, holder, options.helper, { log, child });
  options.attach?.(plan, holder);
  for (const command of options.commands) addCommand(plan, holder, command, log);
  const started = `{"pid":${SUBJECT_PID},"startTime":${SUBJECT_START},"startedAt":${TIME_OF_DAY},"holder":${OWN_PID}}`;
  const note = `write ${folder}/started.json`;
  holder.add(
    "write_file",
    [null, `${folder}/started.json.new`, encode(started), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC],
    { expand: true, note },
  );
  holder.add("renameat", [null, `${folder}/started.json.new`, null, `${folder}/started.json`], { note });
  return { net, user };
}

/**
 * It stays as long as the holder does, in an empty file system: a container of the pod that may trace it finds nothing of the host. With `ipc`
 * that file system is the pod's /dev/shm (`shared-memory.ts`).
 */
function addInfra(
  plan: PlanBuilder,
  infra: Program,
  options: HolderOptions,
  use: { ours: Slot; theirs: Slot; user: Slot | null },
): void {
  const { mapping, hostname } = options;
  infra.add("close", [use.ours]);
  infra.add("recv", [use.theirs, GO], { note: "wait for the id mapping" });
  addNullStreams(infra);
  if (use.user !== null) infra.add("setns", [use.user, CLONE_NEWUSER], { note: "enter the networks' user namespace" });
  if (mapping.kind === "subuid") infra.add("setgroups", [new Uint8Array()], { note: "drop supplementary groups" });
  const hasRoot = (ranges: IdMapping["uids"]) => ranges.some(({ container }) => container === 0);
  // keep-id with a single id has no user 0; the process has all capabilities all the same
  if (mapping.kind !== "none" && hasRoot(mapping.gids))
    infra.add("setresgid", [0], { note: "become group 0 of the user namespace" });
  if (mapping.kind !== "none" && hasRoot(mapping.uids))
    infra.add("setresuid", [0], { note: "become user 0 of the user namespace" });
  // becoming another user takes both away
  infra.add("prctl", [PR_SET_PDEATHSIG, SIGKILL, 0], { note: "end with the holder" });
  infra.add("prctl", [PR_SET_DUMPABLE, 1, 0]);
  const flags =
    CLONE_NEWNS |
    (options.network ? CLONE_NEWNET : 0) |
    (options.ipc ? CLONE_NEWIPC : 0) |
    (hostname === undefined ? 0 : CLONE_NEWUTS) |
    (options.pid ? CLONE_NEWPID : 0);
  infra.add("unshare", [flags], { note: "make the pod's namespaces" });
  if (options.network) infra.add("loopback_up", [], { note: "bring up the loopback device" });
  if (hostname !== undefined) infra.add("sethostname", [encode(hostname)], { note: "set the host name" });
  const seal = "leave the host's file systems";
  infra.add("mount", [null, "/", null, MS_REC | MS_PRIVATE, null], { note: seal });
  const data = options.ipc ? `size=${options.shmSize},mode=1777` : "size=4k,mode=555";
  infra.add("mount", [options.ipc ? "shm" : "tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, data], {
    note: seal,
  });
  infra.add("chdir", ["/tmp"], { note: seal });
  infra.add("pivot_root", [".", "."], { note: seal });
  infra.add("umount2", [".", MNT_DETACH], { note: seal });
  infra.add("chdir", ["/"]);
  if (options.pid) {
    const first = plan.program("init", infra);
    const pidfd = infra.slot();
    infra.add("clone", [first, 0, pidfd, null, 0, SIGKILL], { note: "start the pod's first process" });
    // the end of the holder is the end of the socket
    first.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
    first.add("reap_as_init", []);
    first.add("recv", [use.theirs, NEVER], { recover: ANY_FAILURE });
    first.add("exit", [0]);
  }
  infra.add("send", [use.theirs, READY]);
  infra.add("recv", [use.theirs, NEVER], { recover: ANY_FAILURE });
  infra.add("exit", [0]);
}

/** From here on nobody waits for it. */
function addStanding(holder: Program, { folder, remove }: HolderOptions, use: Made & { theirs: Slot }): void {
  const listener = holder.slot();
  addListening(holder, folder, "hub", listener);
  holder.add("chdir", ["/"]);
  addNullStreams(holder);
  holder.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
  holder.add("leave", [use.theirs, STARTED]);
  holder.add("hub", [listener, null, null, use.net, use.user, 0n, INTERNAL]);
  for (const path of remove) holder.add("remove_tree", [null, path], { recover: ANY_FAILURE });
  holder.add("exit", [0]);
}
