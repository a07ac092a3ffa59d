/** `--network=container:ID`: the network of a container that runs. */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import { AT_FDCWD, O_RDONLY, SYS } from "../linux/abi.gen.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { containerFolder, isRunning } from "./folder.ts";
import { findContainer } from "./list.ts";
import { containerState, readRecord } from "./state.ts";

export interface JoinedNetwork {
  readonly namespaces: readonly { readonly type: "user" | "network"; readonly path: string }[];
  /** Descriptors that survive exec, by those paths: what was opened is what is joined, whatever becomes of the pid. */
  readonly open: ReadonlyMap<string, number>;
  /** The other container's own, because they say who is where in the network. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * A network namespace belongs to a user namespace, so both are joined; the two containers then share their ids.
 * @throws TsboxError `not-found`, or `busy` when it does not run, `unsupported` when its ids are others
 */
export function joinNetwork(store: string, name: string, mapping: IdMapping): JoinedNetwork {
  const fail = (code: "busy" | "unsupported", reason: string) =>
    new TsboxError(code, `cannot use --network=container:${name}: ${reason}`);
  const id = findContainer(store, name);
  const folder = containerFolder(store, id);
  const record = readRecord(store, id);
  if (record.mapping !== mapping.name) {
    throw fail("unsupported", "it has another mapping of user ids; use the same --userns for both");
  }
  const { pid } = containerState(store, record);
  if (pid === 0) throw fail("busy", "it does not run");
  const namespaces = [
    ...(mapping.kind === "none" ? [] : [{ type: "user" as const, path: `/proc/${pid}/ns/user` }]),
    { type: "network" as const, path: `/proc/${pid}/ns/net` },
  ];
  const open = new Map<string, number>();
  for (const { path } of namespaces) {
    const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY);
    if (fd < 0) throw fail("busy", "it does not run");
    open.set(path, fd);
  }
  // after opening: as long as its supervisor runs, its pid is nobody else's
  if (!isRunning(folder)) throw fail("busy", "it does not run");
  const files: Record<string, string> = {};
  for (const file of ["resolv.conf", "hosts"])
    if (exists(`${folder}/${file}`)) files[`/etc/${file}`] = `${folder}/${file}`;
  return { namespaces, open, files };
}
