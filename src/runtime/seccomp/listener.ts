/** Whoever answers SCMP_ACT_NOTIFY: what it is told, and the connection to it. runtime-spec, config-linux.md, "Seccomp". */
import type { RuntimeState } from "../../oci/index.ts";
import { type Program, type Slot, SUBJECT_PID } from "../../plan/index.ts";
import { addConnection } from "../connection.ts";
import type { CompiledSeccomp } from "./compile.ts";

/** Of the specification that the structure is written by, whatever config.json was: there was none before 1.1. */
const OCI_VERSION = "1.3.0";

export interface SeccompListener {
  /** Connected to `listenerPath`, in `outside` as in `inside`; each closes it when it has no more use for it. */
  readonly socket: Slot;
  /** JSON in which {@link SUBJECT_PID} stands for the pid: for operations with `expand`. */
  readonly state: string;
}

/**
 * Connects to the listener from the host's namespaces, so that a listener that is not there is an error before anything is made.
 * To be called before `inside` is made from `outside`, because a program has the slots that its parent had before it.
 *
 * @param state of the container: its status is `creating`, or `running` for another process in it. Its pid is put in here
 * @returns undefined where no rule asks a listener
 */
export function addListener(
  outside: Program,
  seccomp: Pick<CompiledSeccomp, "listenerPath" | "listenerMetadata"> | undefined,
  state: RuntimeState,
): SeccompListener | undefined {
  const path = seccomp?.listenerPath;
  if (path === undefined) return undefined;
  const socket = addConnection(outside, path, `connect to linux.seccomp.listenerPath ${path}`);
  return { socket, state: containerProcessState(state, seccomp?.listenerMetadata) };
}

/**
 * The Container Process State. JSON.stringify escapes control characters, so that no text of a person's becomes a pid.
 * @param state its pid does not matter
 */
export function containerProcessState(state: RuntimeState, metadata: string | undefined): string {
  const { pid, ...rest } = state;
  const withPid = (value: object) => `{"pid":${SUBJECT_PID},${JSON.stringify(value).slice(1)}`;
  // the order of the members says nothing
  const start = withPid({ ociVersion: OCI_VERSION, fds: ["seccompFd"], ...(metadata ? { metadata } : {}) });
  return `${start.slice(0, -1)},"state":${withPid(rest)}}`;
}
