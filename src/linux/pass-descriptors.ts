/** Open files passed to another process through a socket: unix(7), cmsg(3). */
import { SYS } from "./abi.gen.ts";
import { check } from "./errno.ts";
import { address, syscall } from "./syscall.ts";

// <linux/socket.h>, <linux/net.h>
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** sizeof(struct msghdr) and sizeof(struct cmsghdr) where a pointer has 8 bytes. */
const HEADER = 56;
const CONTROL_HEADER = 16;

/** @returns two connected sockets, closed on exec. @throws SyscallError */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  check("socketpair", syscall(SYS.socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** A struct msghdr for one byte, without which nothing is sent, and `count` descriptors. */
function message(count: number) {
  const byte = new Uint8Array(1);
  const vector = new BigUint64Array([BigInt(address(byte)), 1n]);
  const length = CONTROL_HEADER + 4 * count;
  const control = new ArrayBuffer(Math.ceil(length / 8) * 8);
  const header = new DataView(new ArrayBuffer(HEADER));
  header.setBigUint64(16, BigInt(address(vector)), true);
  header.setBigUint64(24, 1n, true);
  header.setBigUint64(32, BigInt(address(new Uint8Array(control))), true);
  header.setBigUint64(40, BigInt(control.byteLength), true);
  const view = new DataView(control);
  view.setBigUint64(0, BigInt(length), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  // all of them are in the result, so that what the kernel is pointed to is still there
  return { byte, vector, control, descriptors: new Int32Array(control, CONTROL_HEADER, count), header };
}

/** The other side gets copies. @throws SyscallError, EPIPE when nobody is there */
export function sendDescriptors(socket: number, descriptors: readonly number[]): void {
  const sent = message(descriptors.length);
  sent.descriptors.set(descriptors);
  check("sendmsg", syscall(SYS.sendmsg, socket, new Uint8Array(sent.header.buffer), MSG_NOSIGNAL));
}

/**
 * Waits for what {@link sendDescriptors} sends in one go.
 * @returns `count` descriptors, closed on exec
 * @throws SyscallError; Error when others came than were awaited
 */
export function receiveDescriptors(socket: number, count: number): number[] {
  const received = message(count);
  check("recvmsg", syscall(SYS.recvmsg, socket, new Uint8Array(received.header.buffer), MSG_CMSG_CLOEXEC));
  const length = new DataView(received.control).getBigUint64(0, true);
  const came = received.header.getBigUint64(40, true) > 0n && length === BigInt(CONTROL_HEADER + 4 * count);
  if (!came) throw new Error("the descriptors that were awaited did not come");
  return [...received.descriptors];
}
