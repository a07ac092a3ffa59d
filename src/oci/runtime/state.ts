/** What a runtime says: `state` (runtime.md) and `features` (features.md) of runtime-spec 1.3.0. */
import type { NamespaceType } from "./types.ts";

export interface RuntimeState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: "creating" | "created" | "running" | "stopped";
  /** As the host sees it; there while the status is created or running. */
  readonly pid?: number | undefined;
  /** Absolute path. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface RuntimeFeatures {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks?: readonly string[] | undefined;
  readonly mountOptions?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly potentiallyUnsafeConfigAnnotations?: readonly string[] | undefined;
  readonly linux?: LinuxFeatures | undefined;
}

export interface Enabled {
  readonly enabled?: boolean | undefined;
}

/** A list that is missing says nothing, an empty one says that there is none. */
export interface LinuxFeatures {
  readonly namespaces?: readonly NamespaceType[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly cgroup?:
    | {
        readonly v1?: boolean | undefined;
        readonly v2?: boolean | undefined;
        readonly systemd?: boolean | undefined;
        readonly systemdUser?: boolean | undefined;
        readonly rdma?: boolean | undefined;
      }
    | undefined;
  readonly seccomp?: SeccompFeatures | undefined;
  readonly apparmor?: Enabled | undefined;
  readonly selinux?: Enabled | undefined;
  readonly intelRdt?: Enabled | undefined;
  readonly mountExtensions?: { readonly idmap?: Enabled | undefined } | undefined;
  readonly netDevices?: Enabled | undefined;
}

export interface SeccompFeatures extends Enabled {
  readonly actions?: readonly string[] | undefined;
  readonly operators?: readonly string[] | undefined;
  readonly archs?: readonly string[] | undefined;
  readonly knownFlags?: readonly string[] | undefined;
  readonly supportedFlags?: readonly string[] | undefined;
}
