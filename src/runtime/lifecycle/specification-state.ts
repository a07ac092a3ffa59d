/** The state that runtime-spec defines (runtime.md, "State"), for hooks and listeners. */
import type { RuntimeState } from "../../oci/index.ts";
import { SUBJECT_PID } from "../../plan/index.ts";
import type { StateRecord } from "./state-folder.ts";

export function specificationState(record: StateRecord, status: RuntimeState["status"]): RuntimeState {
  const { ociVersion, id, pid, bundle, config } = record;
  const hasProcess = status !== "stopped" && pid !== 0;
  return {
    ociVersion,
    id,
    status,
    ...(hasProcess ? { pid } : {}),
    bundle,
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
  };
}

/** As JSON for operations with `expand`, in which the pid is the subject's. */
export function stateForPlan(record: StateRecord, status: RuntimeState["status"]): string {
  const { pid: _, ...rest } = specificationState(record, status);
  return `${JSON.stringify(rest).slice(0, -1)},"pid":${SUBJECT_PID}}`;
}
