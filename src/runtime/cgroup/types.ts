/** What others know of a container's cgroup. */
import type { LinuxResources } from "../../oci/index.ts";

/** Who makes cgroups: this process, systemd (asked over D-Bus), or nobody. */
export type CgroupManager = "cgroupfs" | "systemd" | "disabled";

/** What state.json keeps of a container's cgroup; plain JSON. */
export interface CgroupState {
  readonly manager: CgroupManager;
  /** Absolute folder below the mount of cgroup2. */
  readonly path: string;
  /** systemd's unit, `libpod-1234.scope`. */
  readonly unit?: string;
  /** Whether the unit is one of the user's manager. */
  readonly user?: boolean;
}

export interface CgroupRequest {
  /** The container's. */
  readonly id: string;
  readonly cgroupsPath: string | undefined;
  readonly resources: LinuxResources | undefined;
  readonly manager: CgroupManager;
  /** Whether the caller is not root of the initial user namespace. */
  readonly rootless: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The container's root as a uid of the host, when the cgroup is to be delegated to it (a new cgroup and user namespace, cgroups mounted writable). */
  readonly owner?: number;
}

export interface PreparedCgroup {
  readonly state: CgroupState;
  /** A descriptor that must stay open, without close-on-exec, until the container runs in the cgroup. */
  readonly hold?: number;
}
