/** The holder of a pod: starting it, and reaching what it holds. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { type FileLock, tryLockFile } from "../../linux/lock.ts";
import { isAlive, type ProcessName } from "../../linux/process.ts";
import { exists, readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { warn } from "../../linux/warn.ts";
import { setUpNetwork } from "../../network/index.ts";
import { addAttachment, connectToHub, disconnect, type HubConnection, type Joined } from "../../network/named/index.ts";
import { spawnNative } from "../../plan/index.ts";
import { compileHolder } from "../../runtime/index.ts";
import { listContainers } from "../list.ts";
import { joinNetworks, type NamedNetworks } from "../named-network.ts";
import { prepareNetwork } from "../network.ts";
import { DEFAULT_SHM, type PodRecord, podFolder } from "./folder.ts";

/** started.json. The name is that of the process in the pod's namespaces. */
export interface Holder extends ProcessName {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** pid of the holder itself. */
  readonly holder: number;
}

/** Milliseconds in which the holder of a pod whose last container has ended is gone, and its network's helper. */
const PATIENCE = 5000;
/** The first descriptor after the plan's. */
const FIRST_FD = 4;

/** @returns undefined when it does not run */
export function holderOf(store: string, id: string): Holder | undefined {
  const text = readShortText(`${podFolder(store, id)}/started.json`);
  if (text === undefined || text === "") return undefined;
  const holder = JSON.parse(text) as Holder; // cast: only native writes it, and renames it into place
  return isAlive(holder) ? holder : undefined;
}

/** What has to hold for the pod to have a network of its own to share. */
export function hasNetwork(pod: PodRecord): boolean {
  return pod.share.includes("net") && pod.network?.mode !== "host";
}

export interface PodConnection {
  readonly connection: HubConnection;
  readonly holder: Holder;
}

/**
 * Connects to the holder, which is started when there is none. The caller holds the pod's lock. While the connection is open, the holder
 * stays, and with it the pid of the process in the namespaces.
 * @throws TsboxError
 */
export async function openHolder(
  store: string,
  pod: PodRecord,
  mapping: IdMapping,
  own: string,
): Promise<PodConnection> {
  const folder = podFolder(store, pod.id);
  const hasUser = mapping.kind !== "none";
  for (let attempt = 0; attempt < 3; attempt++) {
    const connection = connectToHub(folder, hasUser) ?? (await startHolder(store, pod, mapping, own));
    const holder = holderOf(store, pod.id);
    if (holder !== undefined) return { connection, holder };
    disconnect(connection);
    // somebody has killed the process in the namespaces: its holder ends with the last member
    await Bun.sleep(50);
  }
  throw new TsboxError("busy", `cannot start pod ${pod.name}: ${KILLED}; use: tsbox pod restart ${pod.name}`);
}

const KILLED = "a process that holds its namespaces was killed";

async function startHolder(store: string, pod: PodRecord, mapping: IdMapping, own: string): Promise<HubConnection> {
  const folder = podFolder(store, pod.id);
  // looked at itself: one that is about to start holds its lock, and may have a record of a run whose monitor was killed
  const left = listContainers(store).find(
    ({ record, state }) => record.pod === pod.id && record.id !== own && isAlive(state),
  );
  // it would be alone in new namespaces
  if (left !== undefined)
    throw new TsboxError(
      "busy",
      `cannot join pod ${pod.name}: ${KILLED}, and ${left.record.name} still runs in them; use: tsbox pod restart ${pod.name}`,
    );
  using running = await takeRunning(folder, pod);
  syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/started.json`), 0);
  const wish = {
    network: pod.network,
    publish: pod.ports,
    publishAll: false,
    expose: [],
    dns: pod.dns,
    addHosts: pod.addHosts,
    mounts: [],
  };
  let named: NamedNetworks | undefined;
  if (pod.share.includes("net") && pod.network?.mode === "named")
    named = await joinNetworks({ options: wish, record: pod, store, mapping });
  const fds = [running.fd];
  const network = pod.share.includes("net")
    ? await prepareNetwork(wish, {}, folder, pod.hostname, mapping.kind !== "none", named?.setUp ?? setUpNetwork)
    : undefined;
  if (network?.setup.warning !== undefined) warn(network.setup.warning);
  const inherit = (fd: number | undefined) => (fd === undefined ? undefined : FIRST_FD + fds.push(fd) - 1);
  const joined = named?.joined.map((one) => ({ ...one, connection: inherited(one, inherit) }));
  const plan = await compileHolder({
    folder,
    mapping,
    network: network?.setup.newNamespace === true,
    ipc: pod.share.includes("ipc"),
    shmSize: pod.shmSize ?? DEFAULT_SHM,
    pid: pod.share.includes("pid"),
    hostname: pod.share.includes("uts") ? pod.hostname : undefined,
    lockFd: FIRST_FD,
    userFd: mapping.kind === "none" ? undefined : inherit(named?.joined[0]?.connection.user),
    helper: network?.setup.helper,
    attach:
      joined &&
      ((builder, holder) =>
        addAttachment(builder, holder, { networks: joined, outside: network?.setup.helper?.kind === "pasta" })),
    commands: network?.commands ?? [],
    remove: network?.remove ?? [],
  });
  const native = spawnNative(plan, { stdio: ["ignore", "ignore", "pipe", ...fds] });
  const said = await new Response(native.stderr as ReadableStream).text(); // cast: it is a pipe
  const status = await native.exited;
  for (const { connection } of named?.joined ?? []) disconnect(connection);
  const connection = status === 0 ? connectToHub(folder, mapping.kind !== "none") : undefined;
  if (connection !== undefined) return connection;
  const reason = said.trim().replace(/^tsbox: /, "") || `its holder ended with status ${status}`;
  throw new TsboxError("host", `cannot start pod ${pod.name}: ${reason}`);
}

/** A network's descriptors as the process that is started will have them. */
function inherited({ connection }: Joined, inherit: (fd: number | undefined) => number | undefined): HubConnection {
  const { socket, network, user } = connection;
  return { socket: inherit(socket) ?? -1, network: inherit(network) ?? -1, user: inherit(user) };
}

async function takeRunning(folder: string, pod: PodRecord): Promise<FileLock> {
  for (const deadline = Date.now() + PATIENCE; ; ) {
    const lock = tryLockFile(`${folder}/running`, { mode: "exclusive" });
    if (lock !== undefined) return lock;
    if (Date.now() > deadline)
      throw new TsboxError("busy", `cannot start pod ${pod.name}: its holder is about to end, and does not`);
    await Bun.sleep(5);
  }
}

/** Until no process of the pod's own is there any more; one that does not end by itself, without members, is killed. */
export async function endHolder(store: string, pod: PodRecord): Promise<void> {
  const path = `${podFolder(store, pod.id)}/running`;
  const isFree = () => {
    const lock = exists(path) ? tryLockFile(path, { mode: "exclusive", create: false }) : undefined;
    lock?.[Symbol.dispose]();
    return lock !== undefined || !exists(path);
  };
  const [soon, late] = [Date.now() + 500, Date.now() + PATIENCE];
  for (let killed = false; !isFree(); await Bun.sleep(5)) {
    if (Date.now() > late)
      throw new TsboxError("busy", `cannot stop pod ${pod.name}: its holder does not end, although it was killed`);
    if (killed || Date.now() < soon) continue;
    const holder = holderOf(store, pod.id);
    killed = true;
    if (holder === undefined) continue;
    for (const pid of [holder.holder, holder.pid]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it has ended
      }
    }
  }
}
