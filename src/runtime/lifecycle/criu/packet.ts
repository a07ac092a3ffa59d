/** Packets of a connection with CRIU, one of which may bring a descriptor along: unix(7), recv(2), cmsg(3). */
import { SYS } from "../../../linux/abi.gen.ts";
import { check, E } from "../../../linux/errno.ts";
import { address, syscall } from "../../../linux/syscall.ts";

// <linux/socket.h>, <linux/net.h>
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** sizeof(struct msghdr), sizeof(struct cmsghdr) and room for one descriptor. */
const HEADER = 56;
const CONTROL_HEADER = 16;
const CONTROL = 24;
/** More than CRIU ever answers. */
const PACKET = 65536;

/** @returns two connected sockets, closed on exec. @throws SyscallError */
export function packetPair(): [number, number] {
  const pair = new Int32Array(2);
  check("socketpair", syscall(SYS.socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** @throws SyscallError, EPIPE when nobody is there */
export function sendPacket(socket: number, bytes: Uint8Array): void {
  check("sendto", syscall(SYS.sendto, socket, bytes, bytes.length, MSG_NOSIGNAL, 0, 0));
}

/** Waits for a packet. @returns undefined when the other side has closed. @throws SyscallError */
export function receivePacket(
  socket: number,
): { readonly bytes: Uint8Array; readonly fd: number | undefined } | undefined {
  const buffer = new Uint8Array(PACKET);
  const vector = new BigUint64Array([BigInt(address(buffer)), BigInt(PACKET)]);
  const control = new Uint8Array(CONTROL);
  const header = new DataView(new ArrayBuffer(HEADER));
  header.setBigUint64(16, BigInt(address(vector)), true);
  header.setBigUint64(24, 1n, true);
  header.setBigUint64(32, BigInt(address(control)), true);
  header.setBigUint64(40, BigInt(CONTROL), true);
  let size: number;
  do size = syscall(SYS.recvmsg, socket, new Uint8Array(header.buffer), MSG_CMSG_CLOEXEC);
  while (size === -E.EINTR);
  if (size === 0 || size === -E.ECONNRESET) return undefined;
  const bytes = buffer.slice(0, check("recvmsg", size));
  const fd =
    header.getBigUint64(40, true) > 0n ? new DataView(control.buffer).getInt32(CONTROL_HEADER, true) : undefined;
  // the kernel was pointed to it
  vector.fill(0n);
  return { bytes, fd };
}
