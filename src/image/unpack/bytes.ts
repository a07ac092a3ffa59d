/**
 * File names are bytes. Inside the unpacker a path is a string with one character for each byte (latin1), so that it can be
 * a key and be cut at slashes, and every name survives unchanged.
 */
import { TsboxError } from "../../error.ts";

export function pathOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** PATH_MAX of limits.h: the kernel takes no longer path, the NUL included. */
const PATH_MAX = 4096;
const first = Buffer.alloc(PATH_MAX + 1);
const second = Buffer.alloc(PATH_MAX + 1);

function write(buffer: Buffer, path: string): Buffer {
  if (path.length >= PATH_MAX)
    throw new TsboxError("invalid", `cannot unpack ${shownPath(`${path.slice(0, 100)}...`)}: the name is too long`);
  const length = buffer.write(path === "" ? "." : path, 0, "latin1");
  buffer[length] = 0;
  return buffer;
}

/** NUL-terminated, for the kernel; "." for the root. Valid until the next call: a buffer for each entry would cost more than the entry. */
export function kernelPath(path: string): Uint8Array {
  return write(first, path);
}

/** Like {@link kernelPath}, for calls that take two paths. */
export function secondPath(path: string): Uint8Array {
  return write(second, path);
}

/** For messages. */
export function shownPath(path: string): string {
  return JSON.stringify(Buffer.from(path, "latin1").toString("utf8"));
}

/**
 * A name from an archive as a path below the root, "" for the root itself. A leading slash is dropped, as Docker does; what
 * climbs above the root is hostile.
 * @throws TsboxError `invalid`
 */
export function cleanPath(name: string, what: string): string {
  // nearly all names are so; a regular expression would cost more than the rest of the entry
  const start = name.startsWith("./") ? 2 : 0;
  const plain = name.slice(start, name.endsWith("/") ? -1 : undefined);
  if (
    plain !== "" &&
    !plain.startsWith("/") &&
    !plain.endsWith("/") &&
    !plain.startsWith(".") &&
    !plain.includes("//") &&
    !plain.includes("/.")
  )
    return plain;
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      throw new TsboxError("invalid", `cannot unpack: ${what} ${shownPath(name)} leads out of the root`);
    }
  }
  return parts.join("/");
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
