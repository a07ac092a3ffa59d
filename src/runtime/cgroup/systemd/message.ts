/** Messages of D-Bus. D-Bus Specification, "Message Protocol". */
import { TsboxError } from "../../../error.ts";
import { Reader, type Value, type Variant, Writer } from "./marshal.ts";

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

const FIELDS = [
  [1, "path", "o"],
  [2, "interface", "s"],
  [3, "member", "s"],
  [4, "errorName", "s"],
  [5, "replySerial", "u"],
  [6, "destination", "s"],
  [7, "sender", "s"],
  [8, "signature", "g"],
] as const;

const LITTLE_ENDIAN = 0x6c;
const VERSION = 1;
/** Byte order, type, flags, version, length of the body, serial, length of the fields. */
const FIXED = 16;
const LARGEST = 1 << 27;

export function encodeMessage(message: Message): Uint8Array {
  const fields: Value[] = [];
  for (const [code, name, signature] of FIELDS) {
    const value = message[name];
    if (value !== undefined && value !== "") fields.push([code, { signature, value } satisfies Variant]);
  }
  const body = new Writer();
  body.values(message.signature ?? "", message.body ?? []);
  const writer = new Writer();
  writer.values("yyyyuua(yv)", [LITTLE_ENDIAN, message.type, 0, VERSION, body.bytes.length, message.serial, fields]);
  writer.align(8);
  const head = writer.bytes;
  const whole = new Uint8Array(head.length + body.bytes.length);
  whole.set(head);
  whole.set(body.bytes, head.length);
  return whole;
}

/** How long the message is that begins with these bytes; undefined while fewer than 16 are there. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FIXED) return undefined;
  // a peer on this machine has this machine's byte order, and both architectures of tsbox are little-endian
  if (bytes[0] !== LITTLE_ENDIAN || bytes[3] !== VERSION) {
    throw new TsboxError("invalid", "cannot talk to systemd: what came is no D-Bus message");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields = view.getUint32(12, true);
  const length = FIXED + fields + (-fields & 7) + view.getUint32(4, true);
  if (length > LARGEST) throw new TsboxError("invalid", "cannot talk to systemd: a message is too large");
  return length;
}

/** @param bytes exactly one message */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new Reader(bytes);
  const [, type, , , , serial, fields] = reader.values("yyyyuua(yv)");
  reader.align(8);
  const message: Record<string, Value> = { type: type ?? 0, serial: serial ?? 0 };
  for (const field of Array.isArray(fields) ? fields : []) {
    const [code, variant]: readonly [number, Variant] = field;
    const name = FIELDS.find(([known, , signature]) => known === code && signature === variant.signature)?.[1];
    if (name !== undefined) message[name] = variant.value;
  }
  const signature = typeof message.signature === "string" ? message.signature : "";
  // cast: each field was taken only with the type that the table has for it
  return { ...message, body: reader.values(signature) } as unknown as Message;
}
