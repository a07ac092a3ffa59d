/** A container of a pod: what it may not say for itself, and what it joins when it starts. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import { AT_FDCWD, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import type { FileLock } from "../../linux/lock.ts";
import { isAlive } from "../../linux/process.ts";
import { exists } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { type NetworkOptions, type NetworkSetup, setUpNetwork } from "../../network/index.ts";
import { keepOnExec } from "../../network/named/index.ts";
import type { NamespaceType } from "../../oci/index.ts";
import type { PlanBuilder, Program } from "../../plan/index.ts";
import type { Container } from "../make.ts";
import type { RunOptions } from "../spec/options.ts";
import { createPod, DEFAULT_SHARE } from "./create.ts";
import { DEFAULT_SHM, findPod, lockPod, type PodRecord, podFolder, readPod } from "./folder.ts";
import { hasNetwork, openHolder } from "./holder.ts";

const NO_DNS = { servers: [], search: [], options: [] };

export interface PodMember {
  readonly pod: PodRecord;
  /** Without what is the pod's. */
  readonly options: RunOptions;
  /** Keeps the pod from being removed, for as long as the container is being made. */
  hold(): Promise<FileLock>;
}

/**
 * The pod of `--pod`, which is made with `new:NAME` and then gets what the container would have of network and host name.
 * @throws TsboxError `not-found`, or `usage` for what only the pod can have
 */
export async function enterPod(store: string, options: RunOptions, mapping: IdMapping): Promise<PodMember | undefined> {
  const text = options.pod;
  if (text === undefined) return undefined;
  if (!text.startsWith("new:")) {
    const pod = findPod(store, text);
    checkFlags(options, pod, mapping);
    return { pod, options, hold: () => lockPod(store, pod) };
  }
  const pod = createPod(store, {
    name: text.slice(4),
    labels: {},
    share: DEFAULT_SHARE,
    hostname: options.hostname,
    network: options.network,
    networkName: options.networkName,
    ports: options.publish,
    dns: options.dns,
    addHosts: options.addHosts,
    shmSize: options.shmSize,
    mapping,
  });
  const none = { publish: [], network: undefined, networkName: undefined, hostname: undefined, addHosts: [] };
  return { pod, options: { ...options, ...none, dns: NO_DNS, pod: pod.id }, hold: () => lockPod(store, pod) };
}

function checkFlags(options: RunOptions, pod: PodRecord, mapping: IdMapping): void {
  const refuse = (flag: string, what: string) =>
    new TsboxError(
      "usage",
      `cannot use ${flag} with --pod: the containers of pod ${pod.name} share its ${what}; give it to tsbox pod create`,
    );
  if (pod.share.includes("net")) {
    const { dns } = options;
    const given = [
      [options.publish.length > 0, "--publish"],
      [options.publishAll, "--publish-all"],
      [options.network !== undefined, "--network"],
      [dns.servers.length > 0, "--dns"],
      [dns.search.length > 0, "--dns-search"],
      [dns.options.length > 0, "--dns-option"],
      [options.addHosts.length > 0, "--add-host"],
    ] as const;
    const flag = given.find(([is]) => is)?.[1];
    if (flag !== undefined) throw refuse(flag, "network");
  } else if (pod.share.length > 0 && (options.network?.mode === "named" || options.network?.mode === "container")) {
    throw new TsboxError(
      "unsupported",
      `cannot use --network=${options.networkName} with --pod: a container is in one user namespace, and those of the pod and of the network are two`,
    );
  }
  if (pod.share.includes("ipc") && options.ipc === "private" && options.shmSize !== DEFAULT_SHM)
    throw refuse("--shm-size", "/dev/shm");
  if (pod.share.includes("uts") && options.hostname !== undefined) throw refuse("--hostname", "host name");
  if (pod.mapping !== mapping.name)
    throw new TsboxError(
      "usage",
      `cannot join pod ${pod.name}: its user ids are mapped in another way (${pod.mapping}, not ${mapping.name}); use the same --userns for both`,
    );
}

export interface JoinedPod {
  readonly hostname: string | undefined;
  /** Those that it joins; its user namespace first. */
  readonly namespaces: readonly { readonly type: NamespaceType; readonly path: string }[];
  /** Descriptors that survive exec, by those paths. */
  readonly open: ReadonlyMap<string, number>;
  /** The mount namespace whose root is the pod's /dev/shm, as a descriptor that survives exec. */
  readonly memory: number | undefined;
  /** By path in the container. */
  readonly files: Readonly<Record<string, string>>;
  setUp(options: NetworkOptions): Promise<NetworkSetup>;
  /** Appends what keeps the container a member for as long as its supervisor is there. */
  attach(plan: PlanBuilder, outside: Program): void;
}

/**
 * The container is a member from here on, until this process, or the supervisor that it becomes, ends.
 * @throws TsboxError
 */
export async function joinPod({ store, record, options, mapping }: Container): Promise<JoinedPod> {
  const pod = readPod(store, record.pod ?? "");
  if (pod === undefined)
    throw new TsboxError("not-found", `cannot start container ${record.name ?? record.id}: its pod was removed`);
  const hostNetwork = pod.network?.mode === "host" && pod.share.includes("net");
  const setUp = async (wish: NetworkOptions): Promise<NetworkSetup> => {
    if (hasNetwork(pod)) return { mode: "container", newNamespace: false, ports: [] };
    return await setUpNetwork(hostNetwork ? { ...wish, mode: { mode: "host" } } : wish);
  };
  const types = sharedTypes(pod, options);
  const hostname = pod.share.includes("uts") ? pod.hostname : undefined;
  if (types.length === 0)
    return { hostname, namespaces: [], open: new Map(), memory: undefined, files: {}, setUp, attach: () => undefined };
  using _lock = await lockPod(store, pod);
  const { connection, holder } = await openHolder(store, pod, mapping, record.id);
  const all: NamespaceType[] = mapping.kind === "none" ? types : ["user", ...types];
  const namespaces = all.map((type) => ({ type, path: `/proc/${holder.pid}/ns/${FILES[type]}` }));
  const open = new Map<string, number>();
  for (const { path } of namespaces) {
    const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY);
    if (fd >= 0) open.set(path, fd);
  }
  const memory = types.includes("ipc")
    ? check("openat", syscall(SYS.openat, AT_FDCWD, cstring(`/proc/${holder.pid}/ns/mnt`), O_RDONLY))
    : undefined;
  // after opening: what was opened is then the pod's
  if (open.size < namespaces.length || !isAlive(holder))
    throw new TsboxError("busy", `cannot join pod ${pod.name}: it ends this moment`);
  keepOnExec(connection);
  const files: Record<string, string> = {};
  const folder = podFolder(store, pod.id);
  for (const name of hasNetwork(pod) ? ["resolv.conf", "hosts", "hostname"] : [])
    if (exists(`${folder}/${name}`) && !options.mounts.some(({ destination }) => destination === `/etc/${name}`))
      files[`/etc/${name}`] = `${folder}/${name}`;
  const attach = (_plan: PlanBuilder, outside: Program) => {
    for (const fd of [connection.socket, connection.network, connection.user]) {
      if (fd === undefined) continue;
      const slot = outside.slot();
      outside.add("adopt", [slot, fd]);
      // whoever this process becomes later, to start the container again, gets its own
      if (fd === connection.socket) outside.add("close_on_exec", [slot]);
      else outside.add("close", [slot]);
    }
  };
  return { hostname, namespaces, open, memory, files, setUp, attach };
}

/** Names in /proc/PID/ns. */
const FILES: Readonly<Record<string, string>> = {
  user: "user",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  pid: "pid_for_children",
};

function sharedTypes(pod: PodRecord, options: RunOptions): NamespaceType[] {
  const types: NamespaceType[] = [];
  if (hasNetwork(pod)) types.push("network");
  if (pod.share.includes("ipc") && options.ipc === "private") types.push("ipc");
  if (pod.share.includes("uts") && options.uts === "private") types.push("uts");
  if (pod.share.includes("pid") && options.pid === "private") types.push("pid");
  return types;
}
