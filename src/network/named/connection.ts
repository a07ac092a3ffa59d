/** What is said with the hub of a network over its socket of packets: `native/hub.h`. */
import { AT_FDCWD, F_SETFD, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../../linux/abi.gen.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { receiveDescriptors } from "../../linux/pass-descriptors.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { toNumber, toText } from "./subnet.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const REGISTER = "r".charCodeAt(0);
const LEAVE = "d".charCodeAt(0);
const NEXT = "n".charCodeAt(0);
const ACCEPTED = "y".charCodeAt(0);
const TAKEN = "t".charCodeAt(0);
const MEMBER = "m".charCodeAt(0);
/** HUB_SEVERAL */
const SEVERAL = 0x80;
/** HUB_PACKET, HUB_NAMES, HUB_SERVERS */
const PACKET = 1100;
export const NAMES_LIMIT = 1024;
export const SERVERS_LIMIT = 3;

export interface Member {
  readonly address: string;
  readonly mac: string;
  /** Of the container. */
  readonly id: string;
  /** What it is called by; the first is its own. */
  readonly names: readonly string[];
}

export interface HubConnection {
  readonly socket: number;
  /** The network namespace of the network. */
  readonly network: number;
  /** Its user namespace, unless root made it without one. */
  readonly user: number | undefined;
}

/**
 * Connects to a hub, and so keeps it from ending.
 * @returns undefined when none runs, or it is about to end
 * @throws SyscallError
 */
export function connectToHub(folder: string, hasUser: boolean): HubConnection | undefined {
  const socket = connect(folder);
  if (socket === undefined) return undefined;
  try {
    const [network = -1] = receiveDescriptors(socket, 1);
    const user = hasUser ? receiveDescriptors(socket, 1)[0] : undefined;
    return { socket, network, user };
  } catch {
    // it ended when nobody was there, this moment
    syscall(SYS.close, socket);
    return undefined;
  }
}

function connect(folder: string): number | undefined {
  const here = syscall(SYS.openat, AT_FDCWD, cstring(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (here === -E.ENOENT) return undefined;
  check("openat", here, folder);
  try {
    const socket = check("socket", syscall(SYS.socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    // by the folder's descriptor, because the path of a socket has at most 107 bytes (unix(7))
    const path = new TextEncoder().encode(`/proc/self/fd/${here}/hub`);
    const name = new Uint8Array(2 + path.length + 1);
    name[0] = AF_UNIX;
    name.set(path, 2);
    const result = syscall(SYS.connect, socket, name, name.length);
    if (result === 0) return socket;
    syscall(SYS.close, socket);
    if (result === -E.ECONNREFUSED || result === -E.ENOENT) return undefined;
    throw new SyscallError("connect", -result, `${folder}/hub`);
  } finally {
    syscall(SYS.close, here);
  }
}

export function disconnect({ socket, network, user }: HubConnection): void {
  for (const fd of [socket, network, user]) if (fd !== undefined) syscall(SYS.close, fd);
}

/** Lets the connection and its namespaces go along when this process executes another program. */
export function keepOnExec({ socket, network, user }: HubConnection): void {
  for (const fd of [socket, network, user])
    if (fd !== undefined) check("fcntl", syscall(SYS.fcntl, fd, F_SETFD, 0), "the network's hub");
}

function ask(socket: number, request: Uint8Array): Uint8Array {
  check("sendto", syscall(SYS.sendto, socket, request, request.length, MSG_NOSIGNAL, 0, 0), "the network's hub");
  const reply = new Uint8Array(PACKET);
  for (;;) {
    const size = syscall(SYS.read, socket, reply, reply.length);
    if (size === -E.EINTR) continue;
    if (size === 0) throw new SyscallError("read", E.ECONNRESET, "the network's hub");
    return reply.slice(0, check("read", size, "the network's hub"));
  }
}

/** Who is in the network. */
export function members(socket: number): Member[] {
  const found: Member[] = [];
  for (let slot = 0; ; slot++) {
    const reply = ask(socket, new Uint8Array([NEXT, slot >> 8, slot & 0xff]));
    if (reply[0] !== MEMBER) return found;
    const view = new DataView(reply.buffer, reply.byteOffset);
    slot = view.getUint16(1);
    const names = reply.subarray(8 + 16 * ((reply[7] ?? 0) & ~SEVERAL), -1);
    const [who = "", ...others] = new TextDecoder().decode(names).split("\0");
    const [id = "", mac = ""] = who.split(" ");
    found.push({ address: toText(view.getUint32(3)), mac, id, names: others });
  }
}

/** Takes a container out of the network. @returns false when it is not in it */
export function dismiss(socket: number, id: string): boolean {
  return ask(socket, new Uint8Array([LEAVE, ...new TextEncoder().encode(id)]))[0] === ACCEPTED;
}

/** A server of names, as 16 bytes: RFC 4291, that of IPv4 mapped into IPv6. */
export function serverBytes(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (!address.includes(":")) {
    bytes.set([0xff, 0xff, ...address.split(".").map(Number)], 10);
    return bytes;
  }
  // the URL parser writes the canonical form: lower case, one gap, no dots
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = "", right] = canonical.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [first, last] = [groups(left), groups(right ?? "")];
  const gap = right === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: gap }, () => "0"), ...last];
  for (const [i, group] of all.entries()) new DataView(bytes.buffer).setUint16(2 * i, Number.parseInt(group, 16));
  return bytes;
}

export interface Resolving {
  /** Servers that are asked for names that the network does not know, in place of the host's. */
  readonly servers: readonly string[];
  /** Whether the container has other networks, whose hubs know other names. */
  readonly several: boolean;
}

/**
 * Becomes a member, for as long as the connection is there.
 * @returns false when somebody has the address
 */
export function register(socket: number, member: Member, { servers, several }: Resolving): boolean {
  const names = new TextEncoder().encode(
    [`${member.id} ${member.mac}`, ...member.names].map((name) => `${name}\0`).join(""),
  );
  const packet = new Uint8Array(6 + 16 * servers.length + names.length);
  packet[0] = REGISTER;
  new DataView(packet.buffer).setUint32(1, toNumber(member.address));
  packet[5] = servers.length | (several ? SEVERAL : 0);
  for (const [i, server] of servers.entries()) packet.set(serverBytes(server), 6 + 16 * i);
  packet.set(names, 6 + 16 * servers.length);
  const [answer] = ask(socket, packet);
  if (answer !== ACCEPTED && answer !== TAKEN) throw new SyscallError("read", E.EPROTO, "the network's hub");
  return answer === ACCEPTED;
}
