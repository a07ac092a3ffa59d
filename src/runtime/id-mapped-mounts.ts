/** `idmap` and `ridmap`, `uidMappings` and `gidMappings` of `mounts`: mount_setattr(2), "ID-mapped mounts". */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  CLONE_NEWUSER,
  MOUNT_ATTR_IDMAP,
  O_RDONLY,
  O_WRONLY,
  OPEN_TREE_CLONE,
  SIGKILL,
} from "../linux/abi.gen.ts";
import type { IDMapping, Mount, RuntimeConfig } from "../oci/index.ts";
import { encode, type PlanBuilder, type Program, type Slot, SUBJECT_PID } from "../plan/index.ts";
import { isBindMount } from "./mount-sources.ts";

/** A byte of the conversation that nobody sends. */
const NEVER = 99;

/** Whether the mount shows its files with other ids than its source has. */
export function isIdMapped({ options = [], uidMappings, gidMappings }: Mount): boolean {
  return (
    (uidMappings ?? []).length > 0 ||
    (gidMappings ?? []).length > 0 ||
    options.some((option) => option === "idmap" || option === "ridmap")
  );
}

const lines = (mappings: readonly IDMapping[]) =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

/** Its own mappings, or those of the container's new user namespace. */
function mappingsOf(mount: Mount, container: IdMapping, field: string): { uids: string; gids: string } {
  const { uidMappings = [], gidMappings = [] } = mount;
  if (uidMappings.length > 0 && gidMappings.length > 0) return { uids: lines(uidMappings), gids: lines(gidMappings) };
  const refuse = (reason: string) => new TsboxError("invalid", `cannot run: ${field}: ${reason}`);
  if (uidMappings.length > 0 || gidMappings.length > 0)
    throw refuse("uidMappings and gidMappings belong together, and one is missing");
  if (container.kind === "none" || container.name === "joined")
    throw refuse("an id-mapped mount needs uidMappings and gidMappings where the container has no new user namespace");
  const own = (ranges: IdMapping["uids"]) =>
    lines(ranges.map(({ container: containerID, host: hostID, count: size }) => ({ containerID, hostID, size })));
  return { uids: own(container.uids), gids: own(container.gids) };
}

/**
 * Appends to `outside` the making of those mounts, detached: only who has the rights over a file system's own user namespace
 * may map its ids, which the container's first process has no more. Call it before that process's program is made.
 *
 * @param waiting a socket on which nothing is sent
 * @returns the slots of detached mounts by index in `mounts`
 * @throws TsboxError naming the field
 */
export function addIdMappedMounts(
  plan: PlanBuilder,
  outside: Program,
  config: RuntimeConfig,
  mapping: IdMapping,
  waiting: Slot,
): ReadonlyMap<number, Slot> {
  const made = new Map<number, Slot>();
  const namespaces = new Map<string, Slot>();
  let holder: Slot | undefined;
  for (const [index, mount] of (config.mounts ?? []).entries()) {
    if (!isIdMapped(mount)) continue;
    const field = `mounts[${index}]`;
    const { options = [], source } = mount;
    if (!isBindMount(mount) || source === undefined)
      throw new TsboxError("unsupported", `cannot run: ${field}: only bind mounts can be id-mapped`);
    const maps = mappingsOf(mount, mapping, field);
    const key = `${maps.uids};${maps.gids}`;
    holder ??= outside.slot();
    const namespace = namespaces.get(key) ?? addNamespace(plan, outside, { maps, field, waiting, holder });
    namespaces.set(key, namespace);
    const slot = outside.slot();
    const recursive = options.includes("ridmap") ? AT_RECURSIVE : 0;
    const whole = options.includes("bind") ? 0 : AT_RECURSIVE;
    const note = `map the ids of ${source} for ${mount.destination}`;
    outside.add("open_tree", [slot, null, source, OPEN_TREE_CLONE | whole], { note });
    outside.add("mount_setattr", [slot, "", AT_EMPTY_PATH | recursive, MOUNT_ATTR_IDMAP, 0, 0, namespace], { note });
    made.set(index, slot);
  }
  return made;
}

/** A user namespace with these ids: a process lives in it until it is open. */
function addNamespace(
  plan: PlanBuilder,
  outside: Program,
  use: { maps: { uids: string; gids: string }; field: string; waiting: Slot; holder: Slot },
): Slot {
  const { maps, field, waiting, holder } = use;
  const namespace = outside.slot();
  const program = plan.program(`ids of ${field}`, outside);
  program.add("recv", [waiting, NEVER]);
  // the subject for now: the container's first process comes later
  outside.add("clone", [program, CLONE_NEWUSER, holder, null, 1, SIGKILL], {
    note: `make a user namespace for ${field}`,
  });
  for (const [file, text] of [
    ["uid_map", maps.uids],
    ["gid_map", maps.gids],
  ] as const) {
    outside.add("write_file", [null, `/proc/${SUBJECT_PID}/${file}`, encode(text), O_WRONLY], {
      expand: true,
      note: `map the ids of ${field}`,
    });
  }
  outside.add("openat2", [namespace, null, `/proc/${SUBJECT_PID}/ns/user`, O_RDONLY, 0, 0], {
    expand: true,
    note: `open the user namespace for ${field}`,
  });
  outside.add("kill", [holder, SIGKILL]);
  outside.add("wait", [holder]);
  return namespace;
}
