/** The state that runtime-spec defines (runtime.md, "State"), for hooks and listeners. */
import type { RuntimeState } from "../../oci/index.ts";
import { OWN_PID, SUBJECT_PID } from "../../plan/index.ts";
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

/**
 * As JSON for operations with `expand`, in which native puts the pid: the container's first process as the host sees it, or, for hooks
 * that run in the container, as the container does (runtime.md, "State", `pid`).
 */
export function stateForPlan(record: StateRecord, status: RuntimeState["status"], inContainer = false): string {
  const { pid: _, ...rest } = specificationState(record, status);
  return `${JSON.stringify(rest).slice(0, -1)},"pid":${inContainer ? OWN_PID : SUBJECT_PID}}`;
}
