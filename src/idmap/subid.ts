/** Subordinate ids: subuid(5), subgid(5), and `subid:` of nsswitch.conf(5). */
import { readHostFile } from "./host-files.ts";
import type { HostRange } from "./ranges.ts";

export type IdKind = "uid" | "gid";

/** 2^32 - 1 is not an id (the kernel's "no change"), so ranges end before it. */
const ID_LIMIT = 0xffffffff;

/**
 * The ranges that a file's text gives to a user, who may be named or numbered there. Lines that are not
 * `owner:start:count` are skipped, as newuidmap skips them.
 */
export function parseSubordinate(text: string, uid: number, name: string | undefined): HostRange[] {
  const ranges: HostRange[] = [];
  for (const line of text.split("\n")) {
    const [owner, start, count, ...rest] = line.trim().split(":");
    if (owner === undefined || start === undefined || count === undefined || rest.length > 0) continue;
    if (owner === "" || (owner !== name && owner !== String(uid))) continue;
    if (!/^\d{1,10}$/.test(start) || !/^\d{1,10}$/.test(count)) continue;
    const range = { start: Number(start), count: Number(count) };
    if (range.count > 0 && range.start + range.count <= ID_LIMIT) ranges.push(range);
  }
  return ranges;
}

/** As useradd(8) gives them out: SUB_UID_MIN and SUB_UID_COUNT of login.defs(5), where it has no other. */
const FIRST_RANGE = 100000;
const RANGE_SIZE = 65536;

/**
 * A range as useradd would give it to a new user, that no other user has as user ids or as group ids.
 *
 * @param texts of `/etc/subuid` and `/etc/subgid`
 * @param own whether a line's owner is whom the range is for, who may have the same ids in the other file
 * @returns as usermod(8) takes it, `100000-165535`
 */
export function freeRange(texts: readonly string[], own: (owner: string) => boolean): string {
  const taken = texts.flatMap((text) =>
    Array.from(text.matchAll(/^\s*([^:\n]+):(\d{1,10}):(\d{1,10})\s*$/gm), ([, owner = "", start, count]) => ({
      owner,
      start: Number(start),
      end: Number(start) + Number(count),
    })).filter(({ owner }) => !own(owner)),
  );
  let first = FIRST_RANGE;
  for (;;) {
    const other = taken.find(({ start, end }) => start < first + RANGE_SIZE && end > first);
    if (other === undefined) return `${first}-${first + RANGE_SIZE - 1}`;
    first = other.end;
  }
}

/**
 * The first source of `subid:` in nsswitch.conf. When it is another than `files`, newuidmap does not read `/etc/subuid` at
 * all. shadow's libsubid takes one source only, and files when the line is missing.
 */
export function subordinateSource(nsswitch: string): string {
  if (!nsswitch.includes("subid:")) return "files"; // nearly everywhere; spares start-up the regular expression
  return /^\s*subid:\s*(\S+)/m.exec(nsswitch)?.[1] ?? "files";
}

/**
 * The login name of a user, from `/etc/passwd`. Users of a directory service are not in there: then it is what the session
 * says (`USER`), which is safe to believe because newuidmap looks for itself and refuses ranges of others.
 */
export function loginName(uid: number, root = ""): string | undefined {
  const passwd = readHostFile("/etc/passwd", root) ?? "";
  const id = String(uid);
  let at = 0;
  while (at < passwd.length) {
    const end = passwd.indexOf("\n", at);
    const line = passwd.slice(at, end < 0 ? passwd.length : end);
    at += line.length + 1;
    if (!line.includes(id)) continue;
    const [name, , field] = line.split(":");
    if (field === id && name !== "") return name;
  }
  return process.env.USER || process.env.LOGNAME || undefined;
}

function askService(kind: IdKind, name: string): HostRange[] {
  const program = Bun.which("getsubids", { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" });
  if (program === null) return [];
  const { stdout } = Bun.spawnSync([program, ...(kind === "gid" ? ["-g"] : []), name], { stderr: "ignore" });
  return parseServiceAnswer(stdout.toString());
}

/** Reads what `getsubids` prints: `0: alice 100000 65536`, a line per range. */
export function parseServiceAnswer(text: string): HostRange[] {
  return Array.from(text.matchAll(/^\d+:\s+\S+\s+(\d+)\s+(\d+)\s*$/gm), ([, start, count]) => ({
    start: Number(start),
    count: Number(count),
  })).filter((range) => range.count > 0 && range.start + range.count <= ID_LIMIT);
}

export interface Subordinates {
  /** Where they come from: `files`, or the name of a service such as `sss`. */
  readonly source: string;
  readonly name: string | undefined;
  readonly uids: readonly HostRange[];
  readonly gids: readonly HostRange[];
}

/** The subordinate ids of a user. Reads small files only, unless nsswitch.conf says that a service has to be asked. */
export function readSubordinates(uid: number, root = ""): Subordinates {
  const source = subordinateSource(readHostFile("/etc/nsswitch.conf", root) ?? "");
  const name = loginName(uid, root);
  if (source !== "files" && name !== undefined) {
    return { source, name, uids: askService("uid", name), gids: askService("gid", name) };
  }
  const read = (path: string) => parseSubordinate(readHostFile(path, root) ?? "", uid, name);
  return { source, name, uids: read("/etc/subuid"), gids: read("/etc/subgid") };
}
