/**
 * A connection to a D-Bus bus, or straight to systemd's private socket, that calls methods one at a time and waits. D-Bus Specification,
 * "Authentication Protocol". System calls only: `node:net` would cost more than all of this takes, and `delete` wants to wait anyway.
 *
 * The registry's clients (dbus-next, dbus-native, ...) are asynchronous, on Node streams, and bring an XML parser each.
 */
import { TsboxError } from "../../../error.ts";
import { SYS } from "../../../linux/abi.gen.ts";
import { E, errnoText } from "../../../linux/errno.ts";
import { syscall } from "../../../linux/syscall.ts";
import type { Value } from "./marshal.ts";
import {
  decodeMessage,
  ERROR,
  encodeMessage,
  METHOD_CALL,
  METHOD_RETURN,
  type Message,
  messageLength,
  SIGNAL,
} from "./message.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 1;
const LONGEST_PATH = 107;
const PATIENCE = 30_000;

/** Where a bus listens. */
export interface Address {
  /** A path, or a name that begins with `@` (abstract). */
  readonly socket: string;
  /** systemd's own socket: there is no bus to greet, and nobody else on it. */
  readonly direct: boolean;
}

/** A method failed; `name` of D-Bus, `org.freedesktop.systemd1.NoSuchUnit`. */
export class CallError extends Error {
  readonly dbusName: string;
  constructor(dbusName: string, text: string) {
    super(text);
    this.dbusName = dbusName;
  }
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

export class Connection {
  readonly #fd: number;
  readonly #address: Address;
  #serial = 0;
  #buffer = new Uint8Array(0);
  readonly #signals: Message[] = [];

  private constructor(fd: number, address: Address) {
    this.#fd = fd;
    this.#address = address;
  }

  /** @throws TsboxError `host` when nobody listens or the peer refuses us */
  static open(address: Address): Connection {
    const connection = new Connection(connect(address.socket), address);
    try {
      connection.#authenticate();
      if (!address.direct) {
        const bus = "org.freedesktop.DBus";
        connection.call({ destination: bus, path: "/org/freedesktop/DBus", interface: bus, member: "Hello" });
      }
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether it is systemd's own socket, without a bus. */
  get direct(): boolean {
    return this.#address.direct;
  }

  [Symbol.dispose](): void {
    syscall(SYS.close, this.#fd);
  }

  #cannot(why: string): TsboxError {
    return new TsboxError("host", `cannot talk to systemd through ${this.#address.socket}: ${why}`);
  }

  /** The peer asks the kernel who we are. No uid is sent: in a user namespace ours is another one than the peer sees. */
  #authenticate(): void {
    this.#send(new TextEncoder().encode("\0AUTH EXTERNAL\r\n"));
    let line = this.#line();
    if (line === "DATA" || line.startsWith("DATA ")) {
      this.#send(new TextEncoder().encode("DATA\r\n"));
      line = this.#line();
    }
    if (!line.startsWith("OK ")) throw this.#cannot(`it does not let this user in (${JSON.stringify(line)})`);
    this.#send(new TextEncoder().encode("BEGIN\r\n"));
  }

  #line(): string {
    for (const end = Date.now() + PATIENCE; ; this.#fill(end)) {
      const at = this.#buffer.indexOf(0x0a);
      if (at >= 0) {
        const line = new TextDecoder().decode(this.#buffer.subarray(0, at)).trim();
        this.#buffer = this.#buffer.slice(at + 1);
        return line;
      }
      if (this.#buffer.length > 4096) throw this.#cannot("what came is no D-Bus");
    }
  }

  #send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const sent = syscall(SYS.sendto, this.#fd, bytes.subarray(at), bytes.length - at, MSG_NOSIGNAL);
      if (sent === -E.EINTR) continue;
      if (sent < 0) throw this.#cannot(errnoText(-sent));
      at += sent;
    }
  }

  /** Adds what comes next to the buffer. */
  #fill(end: number): void {
    const left = Math.max(end - Date.now(), 0);
    const poll = new Int32Array([this.#fd, POLLIN]);
    const time = new BigInt64Array([BigInt(Math.floor(left / 1000)), BigInt(left % 1000) * 1_000_000n]);
    const ready = syscall(SYS.ppoll, poll, 1, time, 0, 8);
    if (ready === 0) throw this.#cannot("it does not answer");
    const chunk = new Uint8Array(16384);
    const got = ready < 0 ? ready : syscall(SYS.read, this.#fd, chunk, chunk.length);
    if (got === -E.EINTR) return;
    if (got < 0) throw this.#cannot(errnoText(-got));
    if (got === 0) throw this.#cannot("it closed the connection");
    const joined = new Uint8Array(this.#buffer.length + got);
    joined.set(this.#buffer);
    joined.set(chunk.subarray(0, got), this.#buffer.length);
    this.#buffer = joined;
  }

  #receive(end: number): Message {
    for (;;) {
      const length = messageLength(this.#buffer);
      if (length !== undefined && length <= this.#buffer.length) {
        const message = decodeMessage(this.#buffer.slice(0, length));
        this.#buffer = this.#buffer.slice(length);
        return message;
      }
      this.#fill(end);
    }
  }

  /**
   * Calls a method and waits for what it returns.
   * @throws CallError when the method fails, TsboxError `host` when there is no answer within 30 seconds
   */
  call(call: Call): readonly Value[] {
    const serial = ++this.#serial;
    this.#send(encodeMessage({ type: METHOD_CALL, serial, ...call }));
    for (const end = Date.now() + PATIENCE; ; ) {
      const message = this.#receive(end);
      if (message.type === SIGNAL) this.#signals.push(message);
      if (message.replySerial !== serial) continue;
      if (message.type === METHOD_RETURN) return message.body ?? [];
      if (message.type === ERROR) {
        const [text] = message.body ?? [];
        throw new CallError(
          message.errorName ?? "",
          typeof text === "string" ? text : (message.errorName ?? "it failed"),
        );
      }
    }
  }

  /** Waits for a signal, those that came during earlier calls included. */
  waitForSignal(matches: (signal: Message) => boolean): Message {
    const index = this.#signals.findIndex(matches);
    const [known] = index < 0 ? [] : this.#signals.splice(index, 1);
    if (known !== undefined) return known;
    for (const end = Date.now() + PATIENCE; ; ) {
      const message = this.#receive(end);
      if (message.type === SIGNAL && matches(message)) return message;
    }
  }
}

/** @throws TsboxError `host` */
function connect(socket: string): number {
  const name = Buffer.from(socket.startsWith("@") ? `\0${socket.slice(1)}` : socket);
  const cannot = (why: string) => new TsboxError("host", `cannot talk to systemd through ${socket}: ${why}`);
  if (name.length > LONGEST_PATH) throw cannot("the path is too long for a socket");
  const fd = syscall(SYS.socket, AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw cannot(errnoText(-fd));
  // struct sockaddr_un; abstract names have no NUL at their end
  const address = Buffer.alloc(2 + name.length + (socket.startsWith("@") ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const result = syscall(SYS.connect, fd, address, address.length);
  if (result < 0) {
    syscall(SYS.close, fd);
    throw cannot(errnoText(-result));
  }
  return fd;
}

/** The Unix socket in a D-Bus address, `unix:path=/run/user/1000/bus;...`; undefined when there is none. */
export function socketOf(address: string): string | undefined {
  for (const one of address.split(";")) {
    const [transport, rest = ""] = one.split(/:(.*)/s);
    if (transport !== "unix") continue;
    const keys = Object.fromEntries(rest.split(",").map((pair) => pair.split(/=(.*)/s)));
    if (keys.path) return decodeURIComponent(keys.path);
    if (keys.abstract) return `@${decodeURIComponent(keys.abstract)}`;
  }
  return undefined;
}
