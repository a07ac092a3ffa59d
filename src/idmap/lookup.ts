/** Single ids of a container, translated by a mapping. */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "./mapping.ts";
import { countIds } from "./ranges.ts";
import type { IdKind } from "./subid.ts";

/** The host's id for one of the container, or undefined when it is not mapped. */
export function toHost(mapping: IdMapping, kind: IdKind, id: number): number | undefined {
  if (mapping.kind === "none") return id;
  const line = (kind === "uid" ? mapping.uids : mapping.gids).find(
    ({ container, count }) => id >= container && id - container < count,
  );
  return line === undefined ? undefined : line.host + id - line.container;
}

/**
 * The host's id for one that an image or a flag asks for.
 *
 * @param what what asks for it, to follow "cannot": `run as user 70000`, `unpack etc/shadow`
 * @throws TsboxError `host` naming the size of the mapping and how an administrator enlarges it
 */
export function requireMapped(mapping: IdMapping, kind: IdKind, id: number, what: string): number {
  const host = toHost(mapping, kind, id);
  if (host !== undefined) return host;
  const size = countIds(kind === "uid" ? mapping.uids : mapping.gids);
  const remedy =
    mapping.kind === "single"
      ? "only your own id is mapped; with subordinate ids (tsbox doctor says how to get them) others are too"
      : `only ${size} ids are mapped; an administrator enlarges the range: usermod --add-sub${kind}s FIRST-LAST USER`;
  throw new TsboxError("host", `cannot ${what}: ${kind} ${id} is not mapped into the container: ${remedy}`, {
    context: { kind, id, mapping: mapping.name },
  });
}
