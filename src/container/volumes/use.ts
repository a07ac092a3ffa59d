/** Which containers use which volumes: what their records say. */
import type { ContainerRecord } from "../folder.ts";
import { recordIfPresent } from "../state.ts";
import { namesIn } from "./names.ts";

const ID = /^[0-9a-f]{64}$/;

/** Ids of containers by the names of volumes. Only with the lock of `volumes/` held does it stay true. */
export function volumeUsers(store: string): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const id of namesIn(`${store}/containers`)) {
    const record = ID.test(id) ? recordIfPresent(store, id) : undefined;
    if (record === undefined) continue;
    for (const name of volumesOf(record)) users.set(name, [...(users.get(name) ?? []), id]);
  }
  return users;
}

/** Names of a container's volumes. */
export function volumesOf({ mounts }: Pick<ContainerRecord, "mounts">): string[] {
  return [
    ...new Set((mounts ?? []).flatMap(({ type, name }) => (type === "volume" && name !== undefined ? name : []))),
  ];
}
