/**
 * Writes tar archives byte by byte, so that tests can make what no honest program would: absolute names, `..`, duplicate
 * entries, links that lead out, binary PAX values. POSIX.1-2017, pax "ustar Interchange Format".
 */
export type TarEntry = {
  /** as it shall stand in the archive; nothing is normalised */
  readonly path: string;
  /** "file" if not given */
  readonly type?: keyof typeof TYPE_FLAG;
  /** 0o755 for directories, 0o644 for the rest if not given */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** seconds since 1970; 0 if not given. A fraction is written as a PAX record */
  readonly mtime?: number;
  readonly data?: string | Uint8Array;
  /** of symbolic and hard links */
  readonly target?: string;
  /** major and minor number of devices */
  readonly device?: readonly [number, number];
  /** extended header records, in front of those the path or target need; values may be any bytes */
  readonly pax?: Readonly<Record<string, string | Uint8Array>>;
  /** puts another size into the header than `data` has */
  readonly claimedSize?: number;
};

const TYPE_FLAG = {
  file: "0",
  link: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
  paxHeader: "x",
  paxGlobal: "g",
} as const;

const BLOCK = 512;
const encoder = new TextEncoder();
const bytesOf = (value: string | Uint8Array) => (typeof value === "string" ? encoder.encode(value) : value);

/** @returns the whole archive, closed by two zero blocks unless `end` is false; the same bytes for the same entries */
export function writeTar(entries: readonly TarEntry[], { end = true } = {}): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const pax = paxOf(entry);
    if (pax.length > 0) parts.push(...member({ path: "pax", type: "paxHeader", data: pax }));
    parts.push(...member(entry));
  }
  if (end) parts.push(new Uint8Array(2 * BLOCK));
  return new Uint8Array(Buffer.concat(parts));
}

function member(entry: TarEntry): Uint8Array[] {
  const data = bytesOf(entry.data ?? "");
  const padding = (BLOCK - (data.length % BLOCK)) % BLOCK;
  return [header(entry, entry.claimedSize ?? data.length), data, new Uint8Array(padding)];
}

function header(entry: TarEntry, size: number): Uint8Array {
  const type = entry.type ?? "file";
  const block = new Uint8Array(BLOCK);
  const text = (at: number, length: number, value: string) => block.set(encoder.encode(value).subarray(0, length), at);
  const number = (at: number, length: number, value: number) => block.set(numberField(value, length), at);
  text(0, 100, entry.path);
  number(100, 8, entry.mode ?? (type === "directory" ? 0o755 : 0o644));
  number(108, 8, entry.uid ?? 0);
  number(116, 8, entry.gid ?? 0);
  number(124, 12, size);
  number(136, 12, Math.floor(entry.mtime ?? 0));
  text(156, 1, TYPE_FLAG[type]);
  text(157, 100, entry.target ?? "");
  text(257, 8, "ustar\x0000");
  number(329, 8, entry.device?.[0] ?? 0);
  number(337, 8, entry.device?.[1] ?? 0);
  // The checksum counts its own field as spaces.
  text(148, 8, "        ");
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** Octal where it fits, else the base-256 form of GNU tar and star. */
function numberField(value: number, length: number): Uint8Array {
  const octal = value >= 0 ? value.toString(8) : "";
  if (value >= 0 && octal.length < length) return encoder.encode(`${octal.padStart(length - 1, "0")}\0`);
  const field = new Uint8Array(length);
  let rest = BigInt.asUintN((length - 1) * 8, BigInt(value));
  for (let at = length - 1; at > 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = value < 0 ? 0xff : 0x80;
  return field;
}

function paxOf(entry: TarEntry): Uint8Array {
  const records = Object.entries(entry.pax ?? {});
  if (encoder.encode(entry.path).length > 100) records.push(["path", entry.path]);
  if (encoder.encode(entry.target ?? "").length > 100) records.push(["linkpath", entry.target ?? ""]);
  if (!Number.isInteger(entry.mtime ?? 0)) records.push(["mtime", String(entry.mtime)]);
  return Buffer.concat(records.map(([key, value]) => paxRecord(key, bytesOf(value))));
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
export function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = encoder.encode(key).length + value.length + 3;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.concat([encoder.encode(`${length} ${key}=`), value, encoder.encode("\n")]);
}
