/**
 * Headers of tar members: POSIX ustar, with a pax extended header before it only where ustar has no room. Not tar-stream's, which
 * encodes names and attributes as UTF-8 and so changes those that are not, and knows no nanoseconds.
 * tar(5); POSIX pax, "pax Interchange Format"; GNU tar manual, "Storing Sparse Files".
 */
const BLOCK = 512;

export interface TarMember {
  /** One character for each byte (latin1). Folders end with a slash. */
  readonly name: string;
  /** 0 file, 1 hard link, 2 symbolic link, 3 character device, 4 block device, 5 folder, 6 fifo. */
  readonly type: "0" | "1" | "2" | "3" | "4" | "5" | "6";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file, in bytes; of a sparse one, with its holes. */
  readonly size?: number;
  /** Seconds and nanoseconds. */
  readonly mtime: readonly [bigint, number];
  /** Of links: where they lead, latin1. */
  readonly linkName?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Extended attributes, names in latin1, in the order in which they are written. */
  readonly attributes?: readonly (readonly [name: string, value: Uint8Array])[];
  /** Of a sparse file: where its data is, in order. What follows the header is the data alone. */
  readonly extents?: readonly (readonly [offset: number, length: number])[];
}

/** Two blocks of zeros. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);

/** Zeros that complete the last block of data. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What a field of so many octal digits can hold. */
const SIZE_LIMIT = 8 ** 11 - 1;
const ID_LIMIT = 8 ** 7 - 1;
const NAME_LIMIT = 100;

/** The header of a member, whose data follows: whole blocks. */
export function tarHeader(member: TarMember): Buffer {
  const { extents, mtime, uid, gid, linkName = "" } = member;
  const map = extents === undefined ? Buffer.alloc(0) : sparseMap(extents);
  const data = extents === undefined ? (member.size ?? 0) : extents.reduce((sum, [, length]) => sum + length, 0);
  const stored = map.length + data;
  const records: Buffer[] = [];
  const add = (key: string, value: string | Uint8Array) => records.push(record(key, value));
  if (extents !== undefined) {
    add("GNU.sparse.major", "1");
    add("GNU.sparse.minor", "0");
    add("GNU.sparse.name", Buffer.from(member.name, "latin1"));
    add("GNU.sparse.realsize", String(member.size ?? 0));
  } else if (member.name.length > NAME_LIMIT) add("path", Buffer.from(member.name, "latin1"));
  if (linkName.length > NAME_LIMIT) add("linkpath", Buffer.from(linkName, "latin1"));
  if (stored > SIZE_LIMIT) add("size", String(stored));
  if (uid > ID_LIMIT) add("uid", String(uid));
  if (gid > ID_LIMIT) add("gid", String(gid));
  if (mtime[1] !== 0 || mtime[0] < 0n || mtime[0] > SIZE_LIMIT) add("mtime", timeText(mtime));
  for (const [name, value] of member.attributes ?? []) add(`SCHILY.xattr.${name}`, value);
  const name = extents === undefined ? member.name : `GNUSparseFile.0/${lastPart(member.name)}`;
  const own = block({ ...member, name, size: stored });
  if (records.length === 0) return Buffer.concat([own, map]);
  const pax = Buffer.concat(records);
  const header = block({
    name: `PaxHeaders.0/${lastPart(member.name)}`,
    type: "x",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: pax.length,
    mtime: [0n, 0],
  });
  return Buffer.concat([header, pax, tarPadding(pax.length), own, map]);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/", name.length - 2) + 1).slice(0, 80);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function record(key: string, value: string | Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), Buffer.from(value), Buffer.from("\n")]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function timeText([seconds, nanoseconds]: readonly [bigint, number]): string {
  // the time before 1970 counts its fraction downwards
  const negative = seconds < 0n && nanoseconds > 0;
  const whole = negative ? -(seconds + 1n) : seconds;
  const fraction = String(negative ? 1_000_000_000 - nanoseconds : nanoseconds)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function sparseMap(extents: readonly (readonly [number, number])[]): Buffer {
  const text = Buffer.from(`${[extents.length, ...extents.flat()].join("\n")}\n`);
  return Buffer.concat([text, tarPadding(text.length)]);
}

type Block = Omit<TarMember, "type"> & { readonly type: string };

function block(member: Block): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (at: number, width: number, value: number) =>
    bytes.write(value.toString(8).padStart(width - 1, "0"), at, width - 1, "latin1");
  const { uid, gid, size = 0, mtime, linkName = "" } = member;
  bytes.write(member.name.slice(0, NAME_LIMIT), 0, "latin1");
  octal(100, 8, member.mode & 0o7777);
  octal(108, 8, uid > ID_LIMIT ? 0 : uid);
  octal(116, 8, gid > ID_LIMIT ? 0 : gid);
  octal(124, 12, size > SIZE_LIMIT ? 0 : size);
  octal(136, 12, mtime[0] < 0n || mtime[0] > SIZE_LIMIT ? 0 : Number(mtime[0]));
  bytes.fill(0x20, 148, 156);
  bytes.write(member.type, 156, "latin1");
  bytes.write(linkName.slice(0, NAME_LIMIT), 157, "latin1");
  bytes.write("ustar\x0000", 257, "latin1");
  octal(329, 8, member.devMajor ?? 0);
  octal(337, 8, member.devMinor ?? 0);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}
