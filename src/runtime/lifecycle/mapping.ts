/** The ids of a container as its config.json has them. */
import { TsboxError } from "../../error.ts";
import type { IdMapping, IdRange } from "../../idmap/index.ts";
import type { IDMapping, RuntimeConfig } from "../../oci/index.ts";

const EVERY_ID: readonly IdRange[] = [{ container: 0, host: 0, count: 4294967295 }];

function ranges(mappings: readonly IDMapping[] | undefined): IdRange[] {
  return (mappings ?? []).map(({ containerID, hostID, size }) => ({
    container: containerID,
    host: hostID,
    count: size,
  }));
}

/**
 * `none` without a user namespace; of one that is joined every id counts as mapped, because the kernel knows better.
 * @throws TsboxError naming the field
 */
export function mappingOf(config: RuntimeConfig): IdMapping {
  const { namespaces = [], uidMappings, gidMappings } = config.linux ?? {};
  const user = namespaces.find(({ type }) => type === "user");
  const [euid, egid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (user === undefined) {
    if (euid === 0) return { kind: "none", name: "none", uids: [], gids: [] };
    throw new TsboxError(
      "unsupported",
      'cannot run: linux.namespaces: without root a container needs {"type": "user"} and mappings; tsbox spec --rootless writes such a config.json',
    );
  }
  if (user.path) return { kind: "subuid", name: "joined", uids: EVERY_ID, gids: EVERY_ID };
  const [uids, gids] = [ranges(uidMappings), ranges(gidMappings)];
  for (const [field, list] of [
    ["uidMappings", uids],
    ["gidMappings", gids],
  ] as const) {
    if (list.length === 0)
      throw new TsboxError("invalid", `cannot run: linux.${field}: a new user namespace needs at least one`);
  }
  const own = (list: readonly IdRange[], id: number) =>
    list.length === 1 && list[0]?.host === id && list[0].count === 1;
  // one's own ids need no help; anybody else's are written by root, or by newuidmap and newgidmap
  if (euid !== 0 && own(uids, euid) && own(gids, egid)) return { kind: "single", name: "single", uids, gids };
  return { kind: "subuid", name: "config", uids, gids };
}
