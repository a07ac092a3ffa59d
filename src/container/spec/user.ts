/**
 * Who the program runs as: `--user` or the image's USER, looked up in the image's own /etc/passwd and /etc/group.
 * Numbers are read strictly: "1" must never become 0, and a number that is too large must never become a name
 * (CVE-2026-30892, CVE-2024-40635, CVE-2026-46680).
 */
import { TsboxError } from "../../error.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, as /etc/group has them for the user. */
  readonly groups: readonly number[];
  /** From /etc/passwd; undefined when the user is not there. */
  readonly home: string | undefined;
}

/** Reads a small file of the image; undefined when it is not there. Regular files only, bounded in size. */
export type ReadImageFile = (path: string) => string | undefined;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The largest id; one more is (uid_t) -1, which means "unchanged" to the kernel (setresuid(2)). */
const MAX_ID = 2 ** 32 - 2;
const NUMBER = /^\d+$/;

export function parseID(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

export function parsePasswd(text: string): PasswdEntry[] {
  const entries: PasswdEntry[] = [];
  for (const line of text.split("\n")) {
    const [name, , uid, gid, , home] = line.split(":");
    const [user, group] = [parseID(uid ?? ""), parseID(gid ?? "")];
    if (!name || user === undefined || group === undefined) continue;
    entries.push({ name, uid: user, gid: group, home: home ?? "" });
  }
  return entries;
}

export function parseGroup(text: string): GroupEntry[] {
  const entries: GroupEntry[] = [];
  for (const line of text.split("\n")) {
    const [name, , gid, members] = line.split(":");
    const id = parseID(gid ?? "");
    if (!name || id === undefined) continue;
    entries.push({ name, gid: id, members: (members ?? "").split(",").filter((member) => member !== "") });
  }
  return entries;
}

/** A number is checked to be one; nothing made of digits is ever looked up as a name. */
function number(text: string, spec: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const id = parseID(text);
  if (id === undefined)
    throw new TsboxError("usage", `cannot run as user ${JSON.stringify(spec)}: ${text} is not between 0 and ${MAX_ID}`);
  return id;
}

/**
 * @param spec empty for root, `name`, `uid`, `name:group`, `uid:gid`
 * @param extra `--group-add`: names and numbers
 * @throws TsboxError `usage` or `not-found`
 */
export function resolveUser(spec: string, extra: readonly string[], readFile: ReadImageFile): ResolvedUser {
  const fail = (reason: string, code: "usage" | "not-found" = "not-found") =>
    new TsboxError(code, `cannot run as user ${JSON.stringify(spec)}: ${reason}`);
  const [userText = "", groupText, ...rest] = spec.split(":");
  if (rest.length > 0 || groupText === "" || /[\s\0]|^[-+]/.test(spec)) throw fail("expected USER[:GROUP]", "usage");
  const passwd = parsePasswd(readFile("/etc/passwd") ?? "");
  let groupCache: GroupEntry[] | undefined;
  const groups = () => (groupCache ??= parseGroup(readFile("/etc/group") ?? ""));

  const uid = number(userText === "" ? "0" : userText, spec);
  const entry = passwd.find((candidate) => (uid === undefined ? candidate.name === userText : candidate.uid === uid));
  if (uid === undefined && entry === undefined) throw fail("no such user in the image's /etc/passwd");

  const named = (text: string) => groups().find((candidate) => candidate.name === text)?.gid;
  const groupID = (text: string): number => {
    const id = number(text, spec) ?? named(text);
    if (id === undefined) throw fail(`no group ${JSON.stringify(text)} in the image's /etc/group`);
    return id;
  };
  const gid = groupText === undefined ? (entry?.gid ?? 0) : groupID(groupText);
  const added = (text: string): number => {
    const id = NUMBER.test(text) ? parseID(text) : named(text);
    if (id !== undefined) return id;
    const reason = NUMBER.test(text) ? `it is not between 0 and ${MAX_ID}` : `no such group in the image's /etc/group`;
    throw new TsboxError("not-found", `cannot use --group-add ${JSON.stringify(text)}: ${reason}`);
  };
  const own =
    entry === undefined || groupText !== undefined
      ? []
      : groups()
          .filter(({ members }) => members.includes(entry.name))
          .map((group) => group.gid);
  const all = new Set([...own, ...extra.map(added)]);
  all.delete(gid);
  return {
    uid: uid ?? entry?.uid ?? 0,
    gid,
    groups: [gid, ...all],
    home: entry?.home === "" ? undefined : entry?.home,
  };
}
