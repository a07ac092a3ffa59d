/** Which ids a container gets. On the path of every `tsbox run`: a few small files are read, nothing is started. */
import { TsboxError } from "../error.ts";
import { readHostFile } from "./host-files.ts";
import type { IdMapping, IdRange } from "./mapping.ts";
import { helperObstacle } from "./newidmap.ts";
import { type Obstacle, obstacleText } from "./obstacle.ts";
import { countIds, type HostRange, layOut, mergeRanges } from "./ranges.ts";
import { freeRange, type IdKind, readSubordinates } from "./subid.ts";
import type { UsernsMode } from "./userns-option.ts";

export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Put before the paths of `/etc` and `/proc`; a folder in tests, absent otherwise. */
  readonly root?: string;
  /** Folders of newuidmap and newgidmap; only tests set it. */
  readonly helperFolders?: readonly string[];
}

export interface Choice {
  readonly mapping: IdMapping;
  /** Set when `auto` or `keep-id` had to do without subordinate ids: what would have to change. */
  readonly reason?: Obstacle;
}

/** This process's caller. Effective ids, because the kernel compares those. */
export function currentCaller(): Caller {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/**
 * Chooses the mapping. Its `name` is the folder under `layers/`.
 *
 * With `single` the caller's one id is root inside, or itself with keep-id; trees on disk are the same either way. Work on
 * trees as root of a user namespace (unpack, remove) with a keep-id mapping needs {@link unpackMapping}.
 *
 * @throws TsboxError `host` when `subuid` was asked for and does not work, `unsupported` for `host` without being root
 */
export function chooseMapping(userns: UsernsMode = { mode: "auto" }, caller: Caller = currentCaller()): Choice {
  if (userns.mode === "host" && caller.uid !== 0) {
    throw new TsboxError(
      "unsupported",
      "cannot use --userns=host: only root can run containers without a user namespace; use --userns=keep-id to run as your own user id",
    );
  }
  if (caller.uid === 0) return chooseForRoot(userns, caller);
  const inside = insideIds(userns, caller);
  if (userns.mode === "single") return { mapping: single(caller, inside) };
  const found = subordinates(caller);
  if (!("code" in found)) return { mapping: subordinate(caller, inside, found) };
  if (userns.mode === "subuid") {
    throw new TsboxError("host", `cannot map subordinate ids: ${obstacleText(found)}`, {
      context: { code: found.code },
    });
  }
  return { mapping: single(caller, inside), reason: found };
}

function insideIds(userns: UsernsMode, caller: Caller): { uid: number; gid: number } {
  if (userns.mode !== "keep-id") return { uid: 0, gid: 0 };
  return { uid: userns.uid ?? caller.uid, gid: userns.gid ?? caller.gid };
}

function single(caller: Caller, inside: { uid: number; gid: number }): IdMapping {
  return {
    kind: "single",
    name: "single",
    uids: [{ container: inside.uid, host: caller.uid, count: 1 }],
    gids: [{ container: inside.gid, host: caller.gid, count: 1 }],
  };
}

const KINDS = ["uid", "gid"] as const;

interface Found {
  readonly uids: readonly HostRange[];
  readonly gids: readonly HostRange[];
}

function subordinate(caller: Caller, inside: { uid: number; gid: number }, found: Found): IdMapping {
  const uids = layOut(caller.uid, inside.uid, found.uids);
  const gids = layOut(caller.gid, inside.gid, found.gids);
  return { kind: "subuid", name: diskName(uids, gids), uids, gids };
}

/** Longer names are hashed: a file name has at most 255 bytes. */
const LONGEST_NAME = 100;

/** Owners on disk are decided by the two maps and nothing else, so those are the name: `subuid-0-1000-1-1-100000-65536`. */
function diskName(uids: readonly IdRange[], gids: readonly IdRange[]): string {
  const users = mapText(uids);
  const groups = mapText(gids);
  const text = users === groups ? users : `${users}-g-${groups}`;
  if (text.length <= LONGEST_NAME) return `subuid-${text}`;
  return `subuid-${new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16)}`;
}

function mapText(map: readonly IdRange[]): string {
  let text = "";
  for (const { container, host, count } of map) text += `${text && "-"}${container}-${host}-${count}`;
  return text;
}

/** Of this process's caller on this host: several parts of one command ask. */
let own: { readonly uid: number; readonly found: Found | Obstacle } | undefined;

/** The caller's subordinate ranges, or why they cannot be used. */
export function subordinates(caller: Caller): Found | Obstacle {
  if (caller.root !== undefined || caller.helperFolders !== undefined) return findSubordinates(caller);
  if (own?.uid !== caller.uid) own = { uid: caller.uid, found: findSubordinates(caller) };
  return own.found;
}

function findSubordinates(caller: Caller): Found | Obstacle {
  const obstacle = helperObstacle(caller.helperFolders);
  if (obstacle !== undefined) return obstacle;
  const { name, source, uids, gids } = readSubordinates(caller.uid, caller.root);
  const found = { uids: mergeRanges(uids, caller.uid), gids: mergeRanges(gids, caller.gid) };
  for (const kind of KINDS) {
    const ranges = kind === "uid" ? found.uids : found.gids;
    if (ranges.length === 0) return noRange(kind, found, { ...caller, name: name ?? String(caller.uid), source });
  }
  return outerObstacle(found, caller.root) ?? found;
}

function noRange(
  kind: IdKind,
  found: Found,
  { uid, root, name, source }: Caller & { readonly name: string; readonly source: string },
): Obstacle {
  if (source !== "files") {
    return {
      code: `no-sub${kind}`,
      why: `the service '${source}' (subid: in /etc/nsswitch.conf) gives ${name} no subordinate ${kind}s`,
      remedy: `an administrator assigns ${name} a range there; getsubids ${kind === "gid" ? "-g " : ""}${name} shows it`,
    };
  }
  const texts = KINDS.map((each) => readHostFile(`/etc/sub${each}`, root) ?? "");
  const range = freeRange(texts, (owner) => owner === name || owner === String(uid));
  const lacking = KINDS.filter((each) => (each === "uid" ? found.uids : found.gids).length === 0);
  const flags = lacking.map((each) => `--add-sub${each}s ${range}`).join(" ");
  const files = lacking.map((each) => `/etc/sub${each}`);
  return {
    code: `no-sub${kind}`,
    why: `${files.join(" and ")} ${files.length === 1 ? "has" : "have"} no range for ${name}`,
    remedy: `an administrator runs: usermod ${flags} ${name}`,
  };
}

/** Inside another user namespace, ids that it does not map cannot be handed on. */
function outerObstacle(found: Found, root: string | undefined): Obstacle | undefined {
  // a namespace whose users are all mapped to themselves is taken for the initial one, groups and all
  if ((readHostFile("/proc/self/uid_map", root) ?? INITIAL_MAP) === INITIAL_MAP) return undefined;
  for (const kind of KINDS) {
    const mapped = ownMap(kind, root);
    const lacking = (kind === "uid" ? found.uids : found.gids).find(
      ({ start, count }) =>
        !mapped.some((line) => line.container <= start && start + count <= line.container + line.count),
    );
    if (lacking === undefined) continue;
    return {
      code: "nested",
      why: `tsbox runs inside a user namespace that does not map ${kind}s ${lacking.start} to ${lacking.start + lacking.count - 1}`,
      remedy: `give the outer container more ids, or change /etc/sub${kind} in it to a range that /proc/self/${kind}_map has`,
    };
  }
  return undefined;
}

/** As the kernel prints the map of the initial user namespace, byte for byte: most hosts are told by one comparison. */
const INITIAL_MAP = "         0          0 4294967295\n";

function parseMap(text: string): IdRange[] {
  return Array.from(text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/gm), ([, container, host, count]) => ({
    container: Number(container),
    host: Number(host),
    count: Number(count),
  }));
}

/** The map of the user namespace that this process is in. */
function ownMap(kind: IdKind, root: string | undefined): IdRange[] {
  return parseMap(readHostFile(`/proc/self/${kind}_map`, root) ?? INITIAL_MAP);
}

// CAP_SYS_ADMIN is bit 21 of the effective set in /proc/self/status, capabilities(7)
/** Whether this process may mount in its own namespaces. @param root where /proc is, for tests */
export function mayMount(root: string | undefined): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readHostFile("/proc/self/status", root) ?? "")?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> 21n) & 1n) === 1n;
}

/**
 * Root needs no user namespace, unless asked for, or where root is not quite root: in a container without CAP_SYS_ADMIN
 * (a user namespace gives it back), or in a user namespace with too few ids to keep ownership.
 */
function chooseForRoot(userns: UsernsMode, caller: Caller): Choice {
  const maps = { uids: ownMap("uid", caller.root), gids: ownMap("gid", caller.root) };
  const few = countIds(maps.uids) < 2 || countIds(maps.gids) < 2;
  if (userns.mode === "single" || (few && userns.mode !== "subuid" && userns.mode !== "host")) {
    const mapping = single(caller, insideIds(userns, caller));
    return userns.mode === "single" ? { mapping } : { mapping, reason: FEW_IDS };
  }
  if (userns.mode === "host" || (userns.mode === "auto" && mayMount(caller.root))) {
    return { mapping: { kind: "none", name: "identity", uids: identity(maps.uids), gids: identity(maps.gids) } };
  }
  if (few) throw new TsboxError("host", `cannot map subordinate ids: ${obstacleText(FEW_IDS)}`);
  // root may hand on every id it has, and keeps them as they are: nothing to ask /etc/subuid for
  const uids = userns.mode === "keep-id" ? shifted(caller.uid, userns.uid ?? 0, maps.uids) : identity(maps.uids);
  const gids = userns.mode === "keep-id" ? shifted(caller.gid, userns.gid ?? 0, maps.gids) : identity(maps.gids);
  const same = userns.mode !== "keep-id" || ((userns.uid ?? 0) === 0 && (userns.gid ?? 0) === 0);
  return { mapping: { kind: "subuid", name: same ? "identity" : diskName(uids, gids), uids, gids } };
}

const FEW_IDS: Obstacle = {
  code: "nested",
  why: "tsbox runs as root of a user namespace that maps only one id",
  remedy: "start it outside, or make the outer user namespace with a range of ids (unshare --map-auto)",
};

function identity(map: readonly IdRange[]): IdRange[] {
  return map.map(({ container, count }) => ({ container, host: container, count }));
}

function shifted(own: number, inside: number, map: readonly IdRange[]): IdRange[] {
  const ranges = map.map(({ container, count }) => ({ start: container, count }));
  return layOut(own, inside, mergeRanges(ranges, own));
}

/**
 * The mapping to unpack, remove and copy trees with, whose root can write them all: the mapping itself, except that
 * `single` has its one id at 0, which changes nothing on disk.
 */
export function unpackMapping(mapping: IdMapping): IdMapping {
  if (mapping.kind !== "single") return mapping;
  const atZero = (map: readonly IdRange[]) => map.map((line) => ({ ...line, container: 0 }));
  return { ...mapping, uids: atZero(mapping.uids), gids: atZero(mapping.gids) };
}
