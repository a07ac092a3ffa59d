/**
 * Compiles a container (config.json and what surrounds it) into a plan: what all containers have in common, up to where the
 * program is about to be started. `foreground.ts` and `lifecycle/` put it together with their own beginnings and ends.
 *
 * Pure but for `stat` of bind sources: nothing of the host is changed here, so `--explain` can print the result and tests can
 * compare it.
 */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  S_IFCHR,
  S_IFDIR,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import {
  addIdMapping,
  encode,
  isMappedByHelpers,
  PlanBuilder,
  type Program,
  type Slot,
  SUBJECT_PID,
} from "../plan/index.ts";
import { addReadOnlyRoot, addRootMount, mountPoint, type RootSource } from "../rootfs/index.ts";
import { type Compilation, isMapped } from "./context.ts";
import { HOOKS_DONE, NAMESPACES_MADE, RUN_HOOKS, slots } from "./conversation.ts";
import { addDevices, deviceNumber } from "./devices.ts";
import type { FileAddition } from "./file-additions.ts";
import { addHooks, hasHooks } from "./hooks.ts";
import { addIdentity } from "./identity.ts";
import { addJoiner, addJoins, needsJoiner, openJoins } from "./join.ts";
import { addMount } from "./mounts.ts";
import { MADE_BY_ITSELF, readNamespaces } from "./namespaces.ts";
import { addMaskedPaths, addReadOnlyPaths } from "./paths.ts";
import { addChroot, addMoveRoot, addPivot } from "./pivot.ts";
import { addOomScore, addProcessLimits, type ProcessConfig } from "./process.ts";
import { addHostPropagation, addRootPropagation } from "./propagation.ts";
import {
  addIdMappedMounts,
  addIntelRdt,
  addNetDevices,
  addReadOnly,
  addSecrets,
  addSharedMemory,
  addSysctl,
  addTerminal,
  addTimeOffsets,
  addToFiles,
  lateTimeNamespace,
  openHostSources,
  openLabels,
} from "./rare-fields.ts";
import type { SecretFile } from "./secrets.ts";
import type { VolumeMount } from "./volume-mounts.ts";

export interface SetUpOptions {
  readonly config: RuntimeConfig;
  readonly mapping: IdMapping;
  readonly root: RootSource;
  /** The container's, for what is named after it. */
  readonly id?: string | undefined;
  /** Absolute path of the cgroup that the container starts in. */
  readonly cgroup: string | undefined;
  /** Open namespaces (inherited descriptors) by the paths that config.json gives for them; the others are opened by path. */
  readonly openNamespaces: ReadonlyMap<string, number>;
  /** What is to be done to the sources of some bind mounts. */
  readonly volumes?: readonly VolumeMount[] | undefined;
  readonly secrets?: readonly SecretFile[] | undefined;
  /** Added to files of the root, which belongs to the container, before anything is mounted in it. */
  readonly additions?: readonly FileAddition[] | undefined;
  /** A mount namespace (inherited descriptor) whose root is /dev/shm; it belongs to the user namespace that the container joins. */
  readonly sharedMemory?: number | undefined;
  /** Name of a new session keyring; the caller's is kept when undefined. */
  readonly keyring?: string | undefined;
  /** Move the root instead of pivoting. */
  readonly noPivot?: boolean | undefined;
  /** Programs that are there already: what `outside` goes on with, and the slot of a memfd for what helpers print. */
  readonly plan?: { readonly builder: PlanBuilder; readonly outside: Program; readonly log: Slot } | undefined;
  /** JSON for hooks of the `creating` container that run on the host, and in the container; hooks are not run without. */
  readonly hookState?: { readonly outside: string; readonly inside: string } | undefined;
  /** Appends to `outside` what must be open before the container's first process is made, and returns what receives the terminal. */
  readonly prepare?: (outside: Program) => { readonly terminalReceiver?: Slot } | undefined;
  /** Appends to `inside` while the root is mounted and still writable. */
  readonly inRoot?: (compilation: Compilation) => void;
}

/** What the two programs share once the container is set up; `inside` is about to become the program. */
export interface SetUp {
  readonly compilation: Compilation;
  readonly process: ProcessConfig;
  /** Ends of the conversation between `outside` and `inside`. */
  readonly ours: Slot;
  readonly theirs: Slot;
  /** pidfd of `inside`, in `outside`. */
  readonly child: Slot;
  /** What helpers and hooks print. */
  readonly log: Slot;
  /** The terminal's end for the program, in `inside`; only with `process.terminal`. */
  readonly terminal: Slot | undefined;
  /** pidfd of a helper of the root file system. */
  readonly rootHelper: Slot | undefined;
}

/**
 * @returns the beginning of a plan whose first two programs are `outside` and `inside`
 * @throws TsboxError naming the field that cannot be carried out
 */
export function addSetUp(options: SetUpOptions): SetUp {
  const { config, mapping } = options;
  const process = config.process;
  if (process === undefined) throw new TsboxError("invalid", "cannot run: config.json has no process");
  const namespaces = readNamespaces(config);
  const plan = options.plan?.builder ?? new PlanBuilder();
  const outside = options.plan?.outside ?? plan.program("outside");
  const [ours, theirs, child, ownLog, rootHelper] = slots(outside, 5);
  const log = options.plan?.log ?? ownLog;
  const cgroup = options.cgroup === undefined ? null : outside.slot();
  if (options.plan === undefined) outside.add("memfd", [log, "helpers"]);
  outside.add("socketpair", [ours, theirs]);
  const joins = openJoins(outside, namespaces, options.openNamespaces);
  const joinsUser = joins.some(({ flag }) => flag === CLONE_NEWUSER);
  const joinsMount = joins.some(({ flag }) => flag === CLONE_NEWNS);
  const user = mapping.kind === "none" || joinsUser ? 0 : CLONE_NEWUSER;
  const ownMounts = joinsMount || (namespaces.create & CLONE_NEWNS) !== 0;
  const create = namespaces.create | user;
  const exposed = user === 0 && (create & CLONE_NEWPID) === 0;
  const prepared = options.prepare?.(outside);
  const idMapped = addIdMappedMounts(plan, outside, config, mapping, theirs);
  const shared = addSharedMemory(plan, outside, config, options.sharedMemory, { joins, ours, theirs });
  const labels = openLabels(outside, process);
  const newMounts = !joinsMount && (namespaces.create & CLONE_NEWNS) !== 0;
  const hostSources = openHostSources(plan, outside, config, mapping, newMounts);
  const inside = plan.program("inside", outside);
  const [root, mount, target, devNull, dev, proc, terminal] = slots(inside, 7);
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
    prepared: shared === undefined ? idMapped : new Map([...idMapped, ...shared]),
    labels,
    hostSources,
    readOnlyLater: [],
    volumes: options.volumes,
    exposed,
  };
  if (cgroup !== null && options.cgroup !== undefined) {
    outside.add("openat2", [cgroup, null, options.cgroup, O_PATH | O_DIRECTORY, 0, 0], {
      note: `open ${options.cgroup}`,
    });
  }

  if (!ownMounts) checkHostMounts(options);
  const joiner = needsJoiner(joins, user !== 0);
  // newuidmap and newgidmap take 2 ms, and a network namespace more than half of one: `inside` makes it while they run
  const meanwhile = user !== 0 && !joiner && isMappedByHelpers(mapping) ? create & MADE_BY_ITSELF : 0;
  // a cgroup namespace begins at the cgroup of the process that makes it
  const flags = create & ~(CLONE_NEWCGROUP | lateTimeNamespace(config) | meanwhile);
  if (joiner) addJoiner(compilation, { process, joins, flags, child, cgroup, ours, theirs });
  else {
    outside.add("clone", [inside, flags, child, cgroup, 1, SIGKILL], { note: "make the container's namespaces" });
    outside.add("close", [theirs]);
    addOomScore(outside, process, SUBJECT_PID);
    if (exposed) inside.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
  }
  inside.add("close", [ours]);
  if (meanwhile !== 0) {
    inside.add("unshare", [meanwhile], { note: "make the container's namespaces" });
    inside.add("send", [theirs, NAMESPACES_MADE]);
  }
  const loopback = () => inside.add("loopback_up", [], { note: "bring up the loopback device" });
  if (meanwhile & CLONE_NEWNET) loopback();
  // a user namespace that is joined has its ids
  if (!joinsUser) addIdMapping(plan, outside, mapping, log);
  addIntelRdt(outside, config, options.id);
  if (meanwhile !== 0) outside.add("recv", [ours, NAMESPACES_MADE], { note: "make the container's namespaces" });
  outside.add("send_subject", [ours], { note: "start the container's first process" });
  hostSources?.start(inside);

  inside.add("recv_identity", [theirs], { note: "wait for the id mapping" });
  addIdentity(compilation, joinsUser);
  // modes of files that are made are those of config.json, whatever the caller's mask
  inside.add("umask", [0]);
  if (!joiner) addJoins(inside, joins);
  addNetDevices(compilation, { ours, theirs });
  if (options.keyring !== undefined)
    inside.add("session_keyring", [options.keyring], { note: "make a session keyring" });
  addTimeOffsets(compilation);
  if (create & CLONE_NEWCGROUP) inside.add("unshare", [CLONE_NEWCGROUP], { note: "make a cgroup namespace" });
  const { root: rootSource } = options;
  let helper: Slot | undefined;
  if (ownMounts) {
    addHostPropagation(inside, config, rootSource.kind === "folder" ? rootSource.path : undefined);
    const context = rootContext(compilation, { theirs, ours, child, log }, joinsUser);
    helper = addRootMount(context, rootSource, { root, helper: rootHelper }).helper;
  } else {
    const path = mountPoint(rootSource);
    inside.add("openat2", [root, null, path, O_PATH | O_DIRECTORY, 0, 0], {
      note: `open the root file system ${path}`,
    });
  }
  inside.add("openat2", [devNull, null, "/dev/null", O_PATH, 0, 0], { note: "open /dev/null" });
  inside.add("require_device", [devNull, S_IFCHR, deviceNumber(1, 3)], { note: "use the host's /dev/null" });

  addToFiles(compilation, options.additions);
  for (const [index, entry] of (config.mounts ?? []).entries()) addMount(compilation, entry, index);
  hostSources?.finish(inside);
  addSecrets(compilation, options.secrets);
  addDevices(compilation, dev);
  if (process.terminal) {
    const receiver = prepared?.terminalReceiver ?? theirs;
    addTerminal(compilation, { receiver, terminal, uid: process.user.uid });
  }
  addSysctl(compilation, proc);
  addReadOnlyPaths(compilation);
  addMaskedPaths(compilation);
  inside.add("make_in", [target, root, process.cwd, 0o755, S_IFDIR], {
    note: `make the working folder ${process.cwd}`,
  });
  inside.add("close", [target]);
  options.inRoot?.(compilation);
  addReadOnly(compilation);
  if (config.root?.readonly) addReadOnlyRoot(inside, root, MOUNT_ATTR_RDONLY);
  if (options.hookState !== undefined) addCreateHooks(compilation, { ours, theirs, log, state: options.hookState });
  if (!ownMounts) addChroot(inside, root);
  else if (options.noPivot) addMoveRoot(inside, root);
  else addPivot(inside, root);
  if (ownMounts) addRootPropagation(inside, config);
  if (create & ~meanwhile & CLONE_NEWNET) loopback();
  if (config.hostname) inside.add("sethostname", [encode(config.hostname)], { note: "set the host name" });
  if (config.domainname) inside.add("setdomainname", [encode(config.domainname)], { note: "set the domain name" });
  addProcessLimits(compilation, process);
  return {
    compilation,
    process,
    ours,
    theirs,
    child,
    log,
    terminal: process.terminal ? terminal : undefined,
    rootHelper: helper,
  };
}

/**
 * Without "mount" among linux.namespaces the mounts of config.json are made in the caller's mount namespace, as the specification has it;
 * `delete` removes them.
 */
function checkHostMounts({ config, mapping, root }: SetUpOptions): void {
  const cannot = (reason: string) => new TsboxError("unsupported", `cannot run: linux.namespaces: ${reason}`);
  // the kernel lets nobody mount in a mount namespace of another user namespace
  if (mapping.kind !== "none") throw cannot('with a user namespace there must be {"type": "mount"} too');
  if (root.kind !== "folder") throw cannot('an image takes {"type": "mount"}');
  if (config.root?.readonly)
    throw cannot('root.readonly takes {"type": "mount"}, or the host\'s file system would become read-only');
}

function rootContext(
  { plan, inside, outside, mapping }: Compilation,
  use: { theirs: Slot; ours: Slot; child: Slot; log: Slot },
  joinsUser: boolean,
) {
  const rootId = mapping.uids.find((range) => range.container === 0)?.host;
  const chownUpper = mapping.kind !== "none" && rootId !== process.geteuid?.() && isMapped(mapping.uids, 0);
  const userNamespace = mapping.kind !== "none" || joinsUser;
  const { theirs: insideSocket, ours: outsideSocket, child, log } = use;
  return { plan, inside, outside, insideSocket, outsideSocket, child, log, chownUpper, userNamespace };
}

/** When everything is mounted and the host's root still there: those of the host by `outside`, then those in the container. */
function addCreateHooks(
  { config: { hooks }, outside, inside }: Compilation,
  use: { ours: Slot; theirs: Slot; log: Slot; state: { readonly outside: string; readonly inside: string } },
): void {
  const { ours, theirs, log, state } = use;
  if (hasHooks(hooks, "prestart", "createRuntime")) {
    inside.add("send", [theirs, RUN_HOOKS]);
    outside.add("recv", [ours, RUN_HOOKS], { note: "set up the container" });
    addHooks(outside, hooks, "prestart", state.outside, log);
    addHooks(outside, hooks, "createRuntime", state.outside, log);
    outside.add("send", [ours, HOOKS_DONE], { note: "go on after the hooks" });
    inside.add("recv", [theirs, HOOKS_DONE], { note: "wait for the hooks" });
  }
  addHooks(inside, hooks, "createContainer", state.inside, log);
}
