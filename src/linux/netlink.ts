/** Messages to and from the kernel about network devices: netlink(7), rtnetlink(7). */
import { SYS } from "./abi.gen.ts";
import { check, SyscallError } from "./errno.ts";
import { syscall } from "./syscall.ts";

// <linux/netlink.h>, <linux/socket.h>, <linux/net.h>
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** The kernel sends at most this much at once (NLMSG_GOODSIZE and the room that a dump takes). */
const RECEIVE = 32768;

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;

const padded = (length: number) => (length + 3) & ~3;

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface Message {
  readonly type: number;
  /** What follows the header: a structure of fixed size, then attributes. */
  readonly body: Uint8Array;
}

/**
 * A message as netlink(7) has it.
 * @param fixed the structure that messages of this type begin with
 */
export function netlinkMessage(
  type: number,
  flags: number,
  fixed: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array {
  const size = attributes.reduce(
    (sum, { value }) => sum + padded(ATTRIBUTE_HEADER + value.length),
    HEADER + padded(fixed.length),
  );
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  bytes.set(fixed, HEADER);
  let at = HEADER + padded(fixed.length);
  for (const { type: kind, value } of attributes) {
    view.setUint16(at, ATTRIBUTE_HEADER + value.length, true);
    view.setUint16(at + 2, kind, true);
    bytes.set(value, at + ATTRIBUTE_HEADER);
    at += padded(ATTRIBUTE_HEADER + value.length);
  }
  return bytes;
}

/** Where the value of an attribute is in a message of {@link netlinkMessage}, by its place among the attributes. */
export function attributeOffset(fixed: number, attributes: readonly Attribute[], index: number): number {
  const before = attributes
    .slice(0, index)
    .reduce((sum, { value }) => sum + padded(ATTRIBUTE_HEADER + value.length), 0);
  return HEADER + padded(fixed) + before + ATTRIBUTE_HEADER;
}

/** @param fixed the size of the structure before the attributes */
export function attributesOf({ body }: Message, fixed: number): Attribute[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes: Attribute[] = [];
  for (let at = padded(fixed); at + ATTRIBUTE_HEADER <= body.length; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER) break;
    // the upper bits say nested and network byte order
    attributes.push({
      type: view.getUint16(at + 2, true) & 0x3fff,
      value: body.slice(at + ATTRIBUTE_HEADER, at + length),
    });
    at += padded(length);
  }
  return attributes;
}

/**
 * Sends one request to the kernel's routing family and returns what it answers.
 * @param what for messages
 * @throws SyscallError with the errno that the kernel answers
 */
export function requestRoute(message: Uint8Array, what: string): Message[] {
  const socket = check("socket", syscall(SYS.socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), what);
  try {
    check("write", syscall(SYS.write, socket, message, message.length), what);
    const isDump = ((message[6] ?? 0) | ((message[7] ?? 0) << 8)) & NLM_F_DUMP;
    const answers: Message[] = [];
    const buffer = new Uint8Array(RECEIVE);
    for (;;) {
      const size = check("read", syscall(SYS.read, socket, buffer, buffer.length), what);
      const view = new DataView(buffer.buffer, 0, size);
      for (let at = 0; at + HEADER <= size; ) {
        const length = view.getUint32(at, true);
        const type = view.getUint16(at + 4, true);
        if (type === NLMSG_DONE) return answers;
        if (type === NLMSG_ERROR) {
          const error = view.getInt32(at + HEADER, true);
          if (error !== 0) throw new SyscallError("netlink", -error, what);
          return answers;
        }
        answers.push({ type, body: buffer.slice(at + HEADER, at + length) });
        at += padded(length);
      }
      if (!isDump) return answers;
    }
  } finally {
    syscall(SYS.close, socket);
  }
}
