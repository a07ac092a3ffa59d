/** Where the files of a tar archive are. Only headers are read; contents are leapt over. */
import { isTsboxError, TsboxError } from "../error.ts";
import { type FileHandle, readAt } from "./read-at.ts";
import { BLOCK, type Header, isZero, readHeader } from "./unpack/tar/header.ts";
import { type PaxRecords, paxNumber, paxText, readPax } from "./unpack/tar/pax.ts";

/** A file's place in the archive, in bytes. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

/** Far above what any image has; a bound on memory for hostile archives. */
const MEMBER_LIMIT = 100_000;
/** Of one extended header. Names have at most 4096 bytes. */
const HEADER_LIMIT = 1024 * 1024;

const REGULAR = new Set(["0", "7"]);
const LINK = new Set(["1", "2"]);
/** Links, devices, folders and fifos have no content, whatever their size says. */
const HEADER_ONLY = new Set(["1", "2", "3", "4", "5", "6"]);
const decoder = new TextDecoder();

/** What extended headers say of the next member. */
interface Extended {
  name?: string;
  linkName?: string;
  size?: number;
}

/**
 * @param name of the image, for messages
 * @returns regular files by name; links by theirs, as the file that they lead to. Of two with one name the last counts, as when unpacking
 * @throws TsboxError `invalid` for what is no tar archive, or ends early
 */
export async function indexMembers(file: FileHandle, name: string): Promise<ReadonlyMap<string, Member>> {
  try {
    return await index(file);
  } catch (error) {
    if (!isTsboxError(error)) throw error;
    // from the parser of layers, which knows no name
    const reason = error.message.replace(/^cannot unpack: /, "");
    throw new TsboxError(error.code, `cannot read ${name}: ${reason}`, { cause: error });
  }
}

async function index(file: FileHandle): Promise<Map<string, Member>> {
  const { size: end } = await file.stat();
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  let extended: Extended = {};
  let count = 0;
  for (let at = 0; at < end; ) {
    const block = await readAt(file, at, BLOCK);
    if (block.length < BLOCK) throw endsEarly();
    if (isZero(block)) break;
    const header = count === 0 ? readFirstHeader(block) : readHeader(block);
    const offset = at + BLOCK;
    const size = HEADER_ONLY.has(header.type) ? 0 : (extended.size ?? header.size);
    if (offset + size > end) throw endsEarly();
    if (++count > MEMBER_LIMIT) throw invalid(`it has more than ${MEMBER_LIMIT} members`);
    if ("xgLK".includes(header.type)) await readExtended(file, offset, header, extended);
    else {
      const path = cleanName(extended.name ?? decoder.decode(header.name));
      if (REGULAR.has(header.type)) {
        links.delete(path);
        members.set(path, { offset, size });
      } else if (LINK.has(header.type)) links.set(path, linkTarget(path, header, extended));
      extended = {};
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    // some programs leave the two closing blocks out, but none the last member's padding
    if (at > end) throw endsEarly();
  }
  if (count === 0) throw invalid("it is empty");
  for (const [path, target] of links) {
    const member = members.get(target);
    if (member !== undefined) members.set(path, member);
  }
  return members;
}

function readFirstHeader(block: Uint8Array): Header {
  try {
    return readHeader(block);
  } catch (cause) {
    throw new TsboxError("invalid", "it is not a tar archive", { cause });
  }
}

async function readExtended(file: FileHandle, offset: number, header: Header, into: Extended): Promise<void> {
  if (header.size > HEADER_LIMIT) throw invalid("an extended header is too large");
  const bytes = await readAt(file, offset, header.size);
  if (header.type === "L") into.name = untilNUL(bytes);
  else if (header.type === "K") into.linkName = untilNUL(bytes);
  else if (header.type === "x") {
    const records: PaxRecords = readPax(bytes);
    const [path, linkName, size] = [paxText(records, "path"), paxText(records, "linkpath"), paxNumber(records, "size")];
    if (path !== undefined) into.name = path;
    if (linkName !== undefined) into.linkName = linkName;
    if (size !== undefined) into.size = size;
  }
  // "g" names nothing of a single member
}

/**
 * Where a link leads among the members. `docker save` of older versions stores a layer that occurs twice as a symbolic link
 * to `../<other>/layer.tar`; hard links name a member from the archive's root.
 */
function linkTarget(path: string, header: Header, extended: Extended): string {
  const target = extended.linkName ?? decoder.decode(header.linkName);
  if (header.type === "1" || target.startsWith("/")) return cleanName(target);
  return cleanName(`${path.slice(0, path.lastIndexOf("/") + 1)}${target}`);
}

/** One spelling for each name; what climbs out of the archive stays what it is: the name of nothing. */
export function cleanName(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function untilNUL(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function invalid(reason: string): TsboxError {
  return new TsboxError("invalid", reason);
}

function endsEarly(): TsboxError {
  return invalid("the archive ends early");
}
