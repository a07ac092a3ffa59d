/** Becoming a member of a named network: its hub is started when it does not run, and an address is chosen. */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { check, SyscallError } from "../../linux/errno.ts";
import { readShortText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { replaceFile } from "../../linux/write-text.ts";
import { spawnNative } from "../../plan/index.ts";
import {
  connectToHub,
  disconnect,
  type HubConnection,
  keepOnExec,
  type Member,
  members,
  NAMES_LIMIT,
  register,
  SERVERS_LIMIT,
} from "./connection.ts";
import {
  isHostOf,
  listNetworks,
  lockNetwork,
  lockNetworks,
  type NetworkDefinition,
  networkFolder,
  readNetwork,
} from "./definition.ts";
import type { NamedEndpoint } from "./endpoint.ts";
import { hubPlan } from "./hub-plan.ts";
import { macOf } from "./mac.ts";
import { contains, firstFree, readSubnet, toNumber, toText } from "./subnet.ts";

export interface JoinWish {
  readonly endpoint: NamedEndpoint;
  /** Of the container. */
  readonly id: string;
  /** What the others call it. */
  readonly names: readonly string[];
  /** Servers that are asked for its other names, in place of the host's. */
  readonly servers: readonly string[];
  /** Whether it joins other networks too. */
  readonly several: boolean;
  readonly mapping: IdMapping;
  /** Of a container that runs already, in the user namespace of networks: theirs is that one when none of them is up. */
  readonly pid?: number;
}

export interface Joined {
  readonly network: NetworkDefinition;
  /** Its descriptors survive exec. It is a member until the last copy of the connection is closed. */
  readonly connection: HubConnection;
  readonly address: string;
  readonly mac: string;
}

/** How often a hub may end between being found and being spoken to. */
const ATTEMPTS = 5;

/**
 * @throws TsboxError `busy` when the address is taken or none is free, `usage` when it is not of the network, `unsupported` when the
 *   network's containers have other ids, `host` when the network cannot be made
 */
export async function joinNamed(store: string, network: NetworkDefinition, wish: JoinWish): Promise<Joined> {
  const fail = (code: "busy" | "usage" | "not-found", reason: string) =>
    new TsboxError(code, `cannot join network ${network.name}: ${reason}`);
  checkAddress(network, wish.endpoint, fail);
  using _lock = lockNetwork(store, network);
  if (readNetwork(store, network.name)?.id !== network.id) throw fail("not-found", "it has been removed");
  for (let attempt = 1; ; attempt++) {
    const connection = await openHub(store, network, wish);
    try {
      const address = chooseAddress(network, wish.endpoint, members(connection.socket), fail);
      const member = memberOf(wish, address);
      if (
        !register(connection.socket, member, { servers: wish.servers.slice(0, SERVERS_LIMIT), several: wish.several })
      )
        throw fail("busy", `the address ${member.address} is taken`);
      keepOnExec(connection);
      return { network, connection, address: member.address, mac: member.mac };
    } catch (error) {
      disconnect(connection);
      // the hub was killed this moment
      if (!(error instanceof SyscallError) || attempt === ATTEMPTS) throw error;
    }
  }
}

function memberOf({ id, names, endpoint }: JoinWish, address: number): Member {
  const all = [...new Set([...names, ...endpoint.aliases].map((name) => name.toLowerCase()))];
  const mac = endpoint.mac ?? macOf(address);
  const size = [id, mac, ...all].reduce((sum, name) => sum + name.length + 1, 0);
  if (size > NAMES_LIMIT)
    throw new TsboxError(
      "usage",
      `cannot join network ${endpoint.network}: its names have more than ${NAMES_LIMIT} bytes`,
    );
  return { address: toText(address), mac, id, names: all };
}

type Fail = (code: "busy" | "usage", reason: string) => TsboxError;

function checkAddress(network: NetworkDefinition, { ip }: NamedEndpoint, fail: Fail): void {
  if (ip === undefined) return;
  if (!isHostOf(readSubnet(network.subnet), ip)) throw fail("usage", `${ip} is not an address of ${network.subnet}`);
  if (ip === network.gateway) throw fail("busy", `${ip} is the address of its gateway`);
}

function chooseAddress(
  network: NetworkDefinition,
  { ip }: NamedEndpoint,
  others: readonly Member[],
  fail: Fail,
): number {
  const subnet = readSubnet(network.subnet);
  const taken = new Set([toNumber(network.gateway), ...others.map(({ address }) => toNumber(address))]);
  if (ip !== undefined) {
    const owner = others.find(({ address }) => address === ip);
    if (owner !== undefined) throw fail("busy", `the container ${owner.names[0] ?? owner.id} has the address ${ip}`);
    return toNumber(ip);
  }
  const range = network.ipRange === undefined ? subnet : readSubnet(network.ipRange);
  const free = firstFree(range, taken);
  if (free === undefined || !contains(subnet, free)) throw fail("busy", "all its addresses are taken");
  return free;
}

/** The mapping of a hub that runs, as its folder's `mapping` has it. */
function textOf({ kind, name }: IdMapping): string {
  return kind === "none" ? "none" : name;
}

function hasUser(mapping: string | undefined): boolean {
  return mapping !== "none";
}

/** Connects to the hub, which is started when there is none. The caller holds the network's lock. */
async function openHub(
  store: string,
  network: NetworkDefinition,
  { mapping, pid }: Pick<JoinWish, "mapping" | "pid">,
): Promise<HubConnection> {
  const folder = networkFolder(store, network);
  const running = readShortText(`${folder}/mapping`);
  const connection = connectToHub(folder, hasUser(running));
  if (connection !== undefined) {
    if (running === textOf(mapping)) return connection;
    disconnect(connection);
    throw new TsboxError(
      "unsupported",
      `cannot join network ${network.name}: the containers in it have another mapping of user ids (${running}, not ${textOf(mapping)}); use the same --userns for all, or another network`,
    );
  }
  using _lock = lockNetworks(store);
  const other = mapping.kind === "none" ? undefined : anotherHub(store, mapping);
  replaceFile(`${folder}/mapping`, textOf(mapping), 0o600);
  const own = other !== undefined || pid === undefined || mapping.kind === "none" ? undefined : userNamespaceOf(pid);
  const namespace = other?.user ?? own;
  // the first descriptor after the plan's
  const user = namespace === undefined ? undefined : 4;
  const given = namespace === undefined ? [] : [namespace];
  const native = spawnNative(hubPlan({ network, mapping, folder, user }), {
    stdio: ["ignore", "ignore", "pipe", ...given],
  });
  const said = await new Response(native.stderr as ReadableStream).text(); // cast: it is a pipe
  const status = await native.exited;
  if (other !== undefined) disconnect(other);
  if (own !== undefined) syscall(SYS.close, own);
  const started = status === 0 ? connectToHub(folder, mapping.kind !== "none") : undefined;
  if (started !== undefined) return started;
  const reason = said.trim().replace(/^tsbox: /, "") || `its hub ended with status ${status}`;
  throw new TsboxError("host", `cannot make network ${network.name}: ${reason}`);
}

function userNamespaceOf(pid: number): number {
  const path = `/proc/${pid}/ns/user`;
  return check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_CLOEXEC), path);
}

/**
 * The hub of any network with that mapping: all networks are in one user namespace, because a container can be in several networks, but
 * in one user namespace. The caller holds the lock of networks, so that no two hubs make one each.
 */
function anotherHub(store: string, mapping: IdMapping): HubConnection | undefined {
  for (const network of listNetworks(store)) {
    const folder = networkFolder(store, network);
    const connection = readShortText(`${folder}/mapping`) === textOf(mapping) ? connectToHub(folder, true) : undefined;
    if (connection !== undefined) return connection;
  }
  return undefined;
}

/** A connection to the hub of a network that somebody is in. The caller closes it. */
export function visitHub(store: string, network: NetworkDefinition): HubConnection | undefined {
  const folder = networkFolder(store, network);
  return connectToHub(folder, hasUser(readShortText(`${folder}/mapping`)));
}

/** Who is in a network right now. Connecting keeps its hub from ending for that moment. */
export function membersOf(store: string, network: NetworkDefinition): Member[] {
  const folder = networkFolder(store, network);
  const connection = connectToHub(folder, hasUser(readShortText(`${folder}/mapping`)));
  if (connection === undefined) return [];
  try {
    return members(connection.socket);
  } catch {
    // it was killed this moment
    return [];
  } finally {
    disconnect(connection);
  }
}
