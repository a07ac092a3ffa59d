/** `linux.namespaces` of config.json. */
import { TsboxError } from "../error.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../linux/abi.gen.ts";
import type { NamespaceType, RuntimeConfig } from "../oci/index.ts";

const FLAGS: Readonly<Record<string, number>> = {
  pid: CLONE_NEWPID,
  network: CLONE_NEWNET,
  mount: CLONE_NEWNS,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  user: CLONE_NEWUSER,
  cgroup: CLONE_NEWCGROUP,
  time: CLONE_NEWTIME,
};

export const NAMESPACE_TYPES = Object.keys(FLAGS) as readonly NamespaceType[]; // cast: the keys above

/** What a process can make for itself, too; a pid namespace and one of time would be its children's. */
export const MADE_BY_ITSELF = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

export interface Namespaces {
  /** CLONE_NEW* of those to be made. */
  readonly create: number;
  /** Those to be joined. A user namespace comes first, because the others belong to it. */
  readonly join: readonly { readonly flag: number; readonly path: string }[];
}

/** @throws TsboxError for an unknown or doubled type */
export function readNamespaces(config: RuntimeConfig): Namespaces {
  let create = 0;
  const join: { flag: number; path: string }[] = [];
  const seen = new Set<string>();
  for (const { type, path } of config.linux?.namespaces ?? []) {
    const flag = FLAGS[type];
    if (flag === undefined)
      throw new TsboxError("invalid", `cannot run: linux.namespaces: "${type}" is not a namespace`);
    if (seen.has(type)) throw new TsboxError("invalid", `cannot run: linux.namespaces: ${type} is there twice`);
    seen.add(type);
    if (path === undefined || path === "") create |= flag;
    else join.push({ flag, path });
  }
  // or else root would rename the host
  for (const field of ["hostname", "domainname"] as const) {
    if (config[field] && !seen.has("uts"))
      throw new TsboxError("invalid", `cannot run: ${field}: it needs a namespace of type uts in linux.namespaces`);
  }
  join.sort((a, b) => Number(b.flag === CLONE_NEWUSER) - Number(a.flag === CLONE_NEWUSER));
  return { create, join };
}

/** Whether the container lives in the caller's mount namespace. */
export function sharesMounts(config: RuntimeConfig): boolean {
  return !config.linux?.namespaces?.some(({ type }) => type === "mount");
}
