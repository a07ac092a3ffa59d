/** Whether user namespaces work, by making one. */
import {
  type Choice,
  chooseMapping,
  countIds,
  explainUserNamespaceFailure,
  type IdMapping,
  type Obstacle,
} from "../idmap/index.ts";
import { lacks, type Probe, works } from "./probe.ts";
import { type TrialResult, tryInNamespace } from "./trial.ts";

export type TryEnter = (mapping: IdMapping) => Promise<TrialResult>;

/** Makes a user namespace with the caller's one id, which needs no helper program. */
export async function probeUserNamespace(tryEnter: TryEnter = tryInNamespace): Promise<Probe<boolean>> {
  const result = await tryEnter(chooseMapping({ mode: "single" }).mapping);
  if (result.ok) return works(true);
  const { why, remedy } = explainUserNamespaceFailure(result.errno);
  return lacks(false, `cannot ${result.step}: ${why}`, remedy);
}

export interface Ids {
  readonly mapping: IdMapping;
  /** How many user ids a container has. */
  readonly count: number;
}

/** Images use ids up to `nobody`, and Debian's `nogroup` is 65534. */
const ENOUGH = 65535;

/** Whether a container gets subordinate ids: looked up, then really mapped. */
export async function probeIds(tryEnter: TryEnter = tryInNamespace): Promise<Probe<Ids>> {
  const { mapping, reason }: Choice = chooseMapping();
  const count = Math.min(countIds(mapping.uids), countIds(mapping.gids));
  if (reason !== undefined) return without(reason);
  if (mapping.kind === "subuid") {
    const result = await tryEnter(mapping);
    if (!result.ok) {
      const said = result.log === "" ? result.errno : result.log;
      return without({
        code: "refused",
        why: `cannot ${result.step}: ${said.split("\n").at(-1)}`,
        remedy: "an administrator compares /etc/subuid and /etc/subgid with what the message names",
      });
    }
  }
  if (count >= ENOUGH) return works({ mapping, count });
  return lacks(
    { mapping, count },
    `only ${count} ids are mapped; images use ids up to 65534`,
    "an administrator runs: usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER, for 65536 ids in all",
  );
}

function without({ why, remedy }: Obstacle): Probe<Ids> {
  return lacks({ mapping: chooseMapping({ mode: "single" }).mapping, count: 1 }, why, remedy);
}
