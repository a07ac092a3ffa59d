/**
 * File names are bytes. Inside the unpacker a path is a string with one character for each byte (latin1), so that it can be
 * a key and be cut at slashes, and every name survives unchanged.
 */
import { TsboxError } from "../../error.ts";

export function pathOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** NUL-terminated, for the kernel. */
export function kernelPath(path: string): Uint8Array {
  return Buffer.from(path === "" ? ".\0" : `${path}\0`, "latin1");
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
