/** Names of users and groups, the host's and a container's. */
import { readShortText } from "../../linux/read-text.ts";
import { readImageFile } from "../image-files.ts";

export interface Accounts {
  /** What an id of the host is called in the container: by its own files, else its number there; the host's number when it is not mapped. */
  readonly inside: (kind: "uid" | "gid", id: number) => string;
  /** What the host calls it. */
  readonly outside: (kind: "uid" | "gid", id: number) => string;
  /** The container's number; the host's when it is not mapped. */
  readonly number: (kind: "uid" | "gid", id: number) => number;
}

const FILES = { uid: "/etc/passwd", gid: "/etc/group" } as const;

/** @param pid of the container's first process */
export function accountsOf(pid: number): Accounts {
  const names = (text: string | undefined) =>
    new Map(
      (text ?? "").split("\n").flatMap((line): [number, string][] => {
        const [name = "", , id = ""] = line.split(":");
        return /^\d+$/.test(id) ? [[Number(id), name]] : [];
      }),
    );
  const own = (kind: "uid" | "gid") => {
    try {
      return names(readImageFile([`/proc/${pid}/root`], FILES[kind]));
    } catch {
      return names(undefined); // larger than such a file can be, or none: ids say as much
    }
  };
  const maps = { uid: readMap(pid, "uid"), gid: readMap(pid, "gid") };
  const inside = { uid: own("uid"), gid: own("gid") };
  const outside = { uid: names(readShortText(FILES.uid)), gid: names(readShortText(FILES.gid)) };
  const number: Accounts["number"] = (kind, id) => {
    const line = maps[kind].find(({ host, count }) => id >= host && id < host + count);
    return line === undefined ? id : line.container + id - line.host;
  };
  return {
    number,
    inside: (kind, id) => inside[kind].get(number(kind, id)) ?? String(number(kind, id)),
    outside: (kind, id) => outside[kind].get(id) ?? String(id),
  };
}

/** user_namespaces(7): in ids of whoever reads it. */
function readMap(pid: number, kind: "uid" | "gid"): { container: number; host: number; count: number }[] {
  return (readShortText(`/proc/${pid}/${kind}_map`) ?? "").split("\n").flatMap((line) => {
    const [container, host, count] = line.trim().split(/\s+/).map(Number);
    return container === undefined || host === undefined || count === undefined ? [] : { container, host, count };
  });
}
