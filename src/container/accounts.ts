/**
 * Entries in /etc/passwd and /etc/group for a program that runs as somebody whom the image does not know, so that `whoami`, `ssh`, `git` and
 * shells work. As podman 5 has them (podman-run(1), --passwd): added to the container's own files, not mounted over them, so that
 * `useradd` and packages can go on changing them. Loaded only when there may be something to add.
 */
import { TsboxError } from "../error.ts";
import { currentCaller, readHostFile } from "../idmap/index.ts";
import { writeText } from "../linux/write-text.ts";
import type { FileAddition } from "../runtime/index.ts";
import type { Container } from "./make.ts";
import { keptUser } from "./spec/build.ts";
import { parseGroup, parseID, parsePasswd, type ReadImageFile } from "./spec/user.ts";

export type AccountPath = "/etc/passwd" | "/etc/group";

export interface Accounts {
  /** Reads files of the image as the container will have them. */
  readonly readFile: ReadImageFile;
  /** For files of the container's own root. */
  readonly additions: readonly FileAddition[];
  /** Container path to host path of whole files, for a root that is not the container's own. */
  readonly files: Readonly<Record<string, string>>;
}

type Asked = Pick<Container, "options" | "defaults" | "mapping" | "folder" | "root">;

/** @param readFile reads the image, and what the container has changed of it. @throws TsboxError as writing to its folder does */
export function chooseAccounts(container: Asked, readFile: ReadImageFile): Accounts {
  const { mounts, workdir, accounts: asked } = container.options;
  const own = (path: AccountPath) =>
    // a person's own mount at that place counts
    mounts.some(({ destination }) => destination === path) ? false : textOf(readFile, path);
  const [passwd, group] = [own("/etc/passwd"), own("/etc/group")];
  const lines = accountLines(container, {
    passwd: passwd || "",
    group: group || "",
    home: workdir ?? (container.defaults.WorkingDir || "/"),
    entries: asked || {},
  });
  const additions: FileAddition[] = [];
  const files: Record<string, string> = {};
  const known = new Map<string, string>();
  for (const [path, text, added] of [
    ["/etc/passwd", passwd, lines.passwd],
    ["/etc/group", group, lines.group],
  ] as const) {
    if (text === false || added.length === 0) continue;
    const addition = `${text === undefined || text === "" || text.endsWith("\n") ? "" : "\n"}${added.join("\n")}\n`;
    const whole = `${text ?? ""}${addition}`;
    known.set(path, whole);
    if (container.root !== undefined) additions.push({ path, text: addition });
    else if (text !== undefined) {
      // a person's own folder stays as it is
      const file = `${container.folder}/${path.slice("/etc/".length)}`;
      writeText(file, whole);
      files[path] = file;
    }
  }
  // the new group is no supplementary group of anybody
  return {
    readFile: (path) => (path === "/etc/passwd" ? known.get(path) : undefined) ?? readFile(path),
    additions,
    files,
  };
}

/** @returns undefined for none; false for one that cannot be read, to which nothing is added (reading it says so where it matters) */
function textOf(readFile: ReadImageFile, path: AccountPath): string | undefined | false {
  try {
    return readFile(path);
  } catch (error) {
    if (error instanceof TsboxError) return false;
    throw error;
  }
}

interface Given {
  /** Texts of the image's files. */
  readonly passwd: string;
  readonly group: string;
  /** The working folder. */
  readonly home: string;
  /** The lines that were asked for. */
  readonly entries: { readonly passwd?: string | undefined; readonly group?: string | undefined };
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
}

/** Pure but for the host's own accounts. */
function accountLines({ options, defaults, mapping }: Asked, { passwd, group, home, entries }: Given) {
  const users: { name: string; uid: number }[] = parsePasswd(passwd);
  const groups: { name: string; gid: number }[] = parseGroup(group);
  const lines = { passwd: [] as string[], group: [] as string[] };
  const addUser = (wish: User): boolean => {
    if (wish.uid === 0 || users.some(({ uid }) => uid === wish.uid)) return false;
    const user = { ...wish, name: freeName(wish.name, wish.uid, users) };
    users.push(user);
    lines.passwd.push(passwdLine(user, entries.passwd));
    return true;
  };
  const addGroup = (wish: string, gid: number, member: string) => {
    if (gid === 0 || groups.some((other) => other.gid === gid)) return;
    const name = freeName(wish, gid, groups);
    groups.push({ name, gid });
    lines.group.push(groupLine({ name, gid, member }, entries.group));
  };

  const kept = keptUser(options, { mapping });
  const { userns } = options;
  if (userns.mode === "keep-id" && kept !== undefined) {
    const [uid = 0, gid = 0] = kept.split(":").map(parseID);
    const host = hostAccount();
    const places = options.mounts.map(({ destination }) => destination);
    const isThere = places.some((place) => host.home === place || host.home.startsWith(`${place}/`));
    if (userns.uid === undefined) addUser({ ...host, uid, gid, home: isThere ? host.home : home });
    if (userns.gid === undefined) addGroup(host.group, gid, users.find((user) => user.uid === uid)?.name ?? "");
  }

  const [userText = "", groupText] = (options.user ?? kept ?? defaults.User ?? "").split(":");
  const uid = parseID(userText);
  const gid =
    groupText === undefined
      ? 0
      : (parseID(groupText) ?? groups.find(({ name }) => name === groupText)?.gid ?? undefined);
  // whoever names what is not there is told so when the user is looked up
  const isNew =
    uid !== undefined && gid !== undefined && addUser({ name: String(uid), uid, gid, comment: "container user", home });
  const ofGroup = parseID(groupText ?? (isNew ? userText : ""));
  if (ofGroup !== undefined) addGroup(String(ofGroup), ofGroup, uid === undefined ? userText : String(uid));
  return lines;
}

/** The image may have somebody else of that name. */
function freeName(name: string, id: number, taken: readonly { readonly name: string }[]): string {
  return isField(name) && name !== "" && !taken.some((other) => other.name === name) ? name : String(id);
}

/** What can be between two colons of a line. */
function isField(text: string): boolean {
  return !/[:\n\r\0]/.test(text);
}

function passwdLine({ name, uid, gid, comment, home }: User, entry: string | undefined): string {
  const values = {
    USERNAME: name,
    UID: String(uid),
    GID: String(gid),
    NAME: isField(comment) ? comment : "",
    HOME: isField(home) ? home : "/",
  };
  return fillIn(entry ?? "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh", values);
}

function groupLine(given: { name: string; gid: number; member: string }, entry: string | undefined): string {
  const { name, gid, member } = given;
  const values = { GROUPNAME: name, GID: String(gid), USERLIST: isField(member) ? member : "" };
  return fillIn(entry ?? "$GROUPNAME:x:$GID:$USERLIST", values);
}

function fillIn(entry: string, values: Readonly<Record<string, string>>): string {
  return entry.replace(/\$([A-Z]+)/g, (whole, name: string) => values[name] ?? whole);
}

/** Who called tsbox. Users of a directory service are not in /etc/passwd: then it is what the session says. */
function hostAccount(): { name: string; comment: string; home: string; group: string } {
  const caller = currentCaller();
  const entry = lineOf("/etc/passwd", caller.uid);
  const [name = process.env.USER ?? "", , , , comment = "", home = process.env.HOME ?? "/"] = entry ?? [];
  const [group = ""] = lineOf("/etc/group", caller.gid) ?? [];
  // the full name; then come rooms and telephones
  return { name, comment: comment.split(",")[0] ?? "", home, group };
}

function lineOf(path: AccountPath, id: number): string[] | undefined {
  const lines = (readHostFile(path) ?? "").split("\n").map((line) => line.split(":"));
  return lines.find((fields) => fields[2] === String(id));
}
