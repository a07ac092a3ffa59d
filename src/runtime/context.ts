/** What the parts of the compiler share. */
import type { IdMapping } from "../idmap/index.ts";
import { inUserNamespace } from "../linux/process-state.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import type { PlanBuilder, Program, Slot } from "../plan/index.ts";
import type { HostSources } from "./host-sources.ts";
import type { Labels } from "./labels.ts";
import type { VolumeMount } from "./volume-mounts.ts";

/**
 * A container's plan has two long-lived processes: `outside` stays in the caller's namespaces and supervises; `inside` becomes
 * the container's first process.
 */
export interface Compilation {
  readonly config: RuntimeConfig;
  readonly mapping: IdMapping;
  readonly plan: PlanBuilder;
  readonly outside: Program;
  readonly inside: Program;
  /** O_PATH of the container's root, in `inside`; every path of the container is resolved below it. */
  readonly root: Slot;
  /** Two slots for the moment: a mount on its way, and the place where it goes. */
  readonly mount: Slot;
  readonly target: Slot;
  /** Detached mounts that `outside` made, by index in `mounts`. */
  readonly prepared?: ReadonlyMap<number, Slot>;
  readonly labels?: Labels | undefined;
  /** Opens the sources of bind mounts where `inside` cannot. */
  readonly hostSources?: HostSources | undefined;
  /** Mounts that become read-only when all is in them, as slots of `inside`. */
  readonly readOnlyLater: { readonly held: Slot; readonly note: string }[];
  /** What is to be done to the sources of some bind mounts. */
  readonly volumes?: readonly VolumeMount[] | undefined;
  /**
   * Processes of other containers may see `inside` while it is made, in a pid namespace that is not its own, and have its user namespace:
   * with its ids they could trace it, or take its descriptors, which lead to the host (CVE-2016-9962). So it is undumpable until execve.
   */
  readonly exposed: boolean;
  /** The host's /dev/null, verified, for masking and for standard input. */
  readonly devNull: Slot;
}

/** True when device nodes cannot be made and are bound from the host instead. */
export function isRootless(mapping: IdMapping): boolean {
  return mapping.kind !== "none" || process.geteuid?.() !== 0 || inUserNamespace();
}

/** True when the mapping gives this id inside. */
export function isMapped(ranges: IdMapping["uids"], id: number): boolean {
  return ranges.some((range) => id >= range.container && id < range.container + range.count);
}
