/** `--network=container:ID` and `--pid=container:ID`: namespaces of a container that runs. */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import { AT_FDCWD, O_RDONLY, SYS } from "../linux/abi.gen.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { containerFolder, isRunning } from "./folder.ts";
import { findContainer } from "./list.ts";
import { containerState, readRecord } from "./state.ts";

export interface JoinedContainer {
  /** The user namespace first, because the others belong to it. */
  readonly namespaces: readonly { readonly type: "user" | "network" | "pid"; readonly path: string }[];
  /** Descriptors that survive exec, by those paths: what was opened is what is joined, whatever becomes of the pid. */
  readonly open: ReadonlyMap<string, number>;
  /** With its network, the other container's own: they say who is where in it. */
  readonly files: Readonly<Record<string, string>> | undefined;
}

/** Names or ids of the containers whose namespaces are wanted. */
export interface Others {
  readonly network: string | undefined;
  readonly pid: string | undefined;
}

/**
 * A namespace belongs to a user namespace, so that is joined too; the two containers then share their ids.
 *
 * @param elsewhere whether the container is to be in a network with a name, which has a user namespace of its own
 * @throws TsboxError `not-found`, or `busy` when it does not run, `unsupported` when its ids are others
 */
export function joinContainer(store: string, others: Others, mapping: IdMapping, elsewhere: boolean): JoinedContainer {
  const ownUsers = mapping.kind !== "none";
  const open = new Map<string, number>();
  const namespaces: { type: "user" | "network" | "pid"; path: string }[] = [];
  let joined: string | undefined;
  let files: Record<string, string> | undefined;
  for (const kind of ["network", "pid"] as const) {
    const name = others[kind];
    if (name === undefined) continue;
    const flag = `--${kind}=container:${name}`;
    const id = findContainer(store, name);
    if (ownUsers && (elsewhere || (joined !== undefined && joined !== id))) {
      const other = elsewhere ? "a network with a name" : `--network=container:${others.network}`;
      throw new TsboxError(
        "unsupported",
        `cannot use ${flag} with ${other}: a container is in one user namespace, and those are two`,
      );
    }
    const pid = runningPid(store, id, mapping, flag);
    const types = joined === undefined && ownUsers ? (["user", kind] as const) : [kind];
    joined = id;
    const found = types.map((type) => ({ type, path: `/proc/${pid}/ns/${type === "network" ? "net" : type}` }));
    openAll(found, open, flag);
    // after opening: as long as its supervisor runs, its pid is nobody else's
    if (!isRunning(containerFolder(store, id))) throw notRunning(flag);
    namespaces.push(...found);
    if (kind === "network") files = filesOf(containerFolder(store, id));
  }
  return { namespaces, open, files };
}

function notRunning(flag: string): TsboxError {
  return new TsboxError("busy", `cannot use ${flag}: it does not run`);
}

function runningPid(store: string, id: string, mapping: IdMapping, flag: string): number {
  const record = readRecord(store, id);
  if (record.mapping !== mapping.name)
    throw new TsboxError(
      "unsupported",
      `cannot use ${flag}: it has another mapping of user ids; use the same --userns for both`,
    );
  const { pid } = containerState(store, record);
  if (pid === 0) throw notRunning(flag);
  return pid;
}

function openAll(namespaces: readonly { readonly path: string }[], open: Map<string, number>, flag: string): void {
  for (const { path } of namespaces) {
    const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY);
    if (fd < 0) throw notRunning(flag);
    open.set(path, fd);
  }
}

function filesOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const file of ["resolv.conf", "hosts"])
    if (exists(`${folder}/${file}`)) files[`/etc/${file}`] = `${folder}/${file}`;
  return files;
}
