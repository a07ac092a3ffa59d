/** What a person asked of `tsbox run`, parsed. `cli/` makes it from the command line. */
import type { UsernsMode } from "../../idmap/index.ts";
import type { DNSOptions, ExtraHost, NetworkMode, PublishedPort } from "../../network/index.ts";
import type { LinuxResources, Platform, Rlimit } from "../../oci/index.ts";
import type { RestartPolicy } from "../folder.ts";
import type { MountRequest, VolumesFrom } from "./mount-request.ts";
import type { SecretRequest } from "./secret-flag.ts";

export type { MountRequest, VolumesFrom } from "./mount-request.ts";

export interface SecurityOptions {
  /** A file with a profile, or `unconfined`; absent for the default profile. */
  readonly seccomp: string | undefined;
  readonly noNewPrivileges: boolean;
  readonly mask: readonly string[];
  /** A profile's name; absent for none, which is what every container without one has. */
  readonly apparmor?: string | undefined;
  /** Paths, or `ALL`. */
  readonly unmask: readonly string[];
}

export type NamespaceChoice = "private" | "host";
/** `container:NAME`: the process ids of a container that runs, by name or id. */
export type PidChoice = NamespaceChoice | `container:${string}`;
/** `none`: private, and without /dev/shm. */
export type IpcChoice = NamespaceChoice | "none";
export type CgroupsMode = "enabled" | "disabled" | "no-conmon" | "split";
export type PullPolicy = "missing" | "always" | "never" | "newer";
export type StorageDriver = "overlay" | "fuse-overlayfs" | "copy";

/** How a container's health is found out. Times are milliseconds; what is not set is the image's, or Docker's default. */
export interface HealthOptions {
  /** It is to be checked, not only how if it is; also of a container in the foreground. */
  readonly asked?: boolean;
  /** As in an image's configuration: `["CMD", ...]`, `["CMD-SHELL", text]` or `["NONE"]`; absent: the image's. */
  readonly test: readonly string[] | undefined;
  readonly interval: number | undefined;
  readonly timeout: number | undefined;
  readonly startPeriod: number | undefined;
  readonly startInterval: number | undefined;
  readonly retries: number | undefined;
}

/** When systemd is told that a service's container runs: when its program does, when that says so, when it is healthy, never. */
export type SdNotify = "conmon" | "container" | "healthy" | "ignore";

/** Where the output of a container with a monitor goes. */
export interface LogOptions {
  readonly driver: "json-file" | "journald" | "none";
  /** A log was asked for, also of a container in the foreground. */
  readonly asked?: boolean;
  /** Bytes of one file; 0 is without limit. */
  readonly maxSize: number;
  readonly maxFile: number;
  /** Of the journal: SYSLOG_IDENTIFIER and CONTAINER_TAG. */
  readonly tag: string | undefined;
}

export interface RunOptions {
  readonly detach: boolean;
  /** As `--detach-keys` has them; undefined: the usual. */
  readonly detachKeys: string | undefined;
  /** Remove the container that has the name. */
  readonly replace: boolean;
  readonly restart: RestartPolicy | undefined;
  readonly log: LogOptions;
  readonly health: HealthOptions | undefined;
  /** Undefined: `conmon`. */
  readonly sdnotify?: SdNotify | undefined;
  /** `split`: below the service's own cgroup, which is delegated; `disabled`: none of its own. */
  readonly cgroups?: CgroupsMode | undefined;
  /** The command line after `tsbox`, and where it was given: `generate systemd --new` makes a unit of it. */
  readonly typed?: { readonly command: readonly string[]; readonly folder: string } | undefined;
  /** Seconds. */
  readonly stopTimeout: number | undefined;
  /** `--network` as it was given. */
  readonly networkName: string | undefined;
  /** The image's name as given; undefined with `rootfs`. */
  readonly image: string | undefined;
  /** A plain folder to be the root file system. */
  readonly rootfs: string | undefined;
  readonly command: readonly string[];
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly remove: boolean;
  readonly init: boolean;
  readonly readOnly: boolean;
  readonly privileged: boolean;
  readonly name: string | undefined;
  readonly hostname: string | undefined;
  readonly user: string | undefined;
  readonly groups: readonly string[];
  /** Lines of /etc/passwd and /etc/group for a user whom the image does not know; false: none; undefined: the usual. */
  readonly accounts?: false | { readonly passwd: string | undefined; readonly group: string | undefined } | undefined;
  readonly workdir: string | undefined;
  /** An empty text takes the image's away. */
  readonly entrypoint: string | undefined;
  /** `NAME=value`, in order; `NAME` alone takes the image's away. */
  readonly env: readonly string[];
  readonly mounts: readonly MountRequest[];
  readonly volumesFrom: readonly VolumesFrom[];
  readonly secrets: readonly SecretRequest[];
  /** Bytes. */
  readonly shmSize: number;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly security: SecurityOptions;
  readonly network: NetworkMode | undefined;
  readonly publish: readonly PublishedPort[];
  /** Publish the ports that the image, or `expose`, names. */
  readonly publishAll: boolean;
  /** `80`, `53/udp`, `8000-8010` */
  readonly expose: readonly string[];
  readonly dns: DNSOptions;
  readonly addHosts: readonly ExtraHost[];
  readonly rlimits: readonly Rlimit[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly pid: PidChoice;
  readonly ipc: IpcChoice;
  readonly uts: NamespaceChoice;
  /** The view of cgroups; undefined: private. */
  readonly cgroupns?: NamespaceChoice | undefined;
  readonly stopSignal: string | undefined;
  readonly resources: LinuxResources;
  readonly domainname?: string | undefined;
  /** -1000 to 1000 */
  readonly oomScoreAdj?: number | undefined;
  /** Undefined: 0022. */
  readonly umask?: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cidFile: string | undefined;
  readonly pull: PullPolicy;
  readonly platform: Platform | undefined;
  readonly userns: UsernsMode;
  readonly storageDriver: StorageDriver | undefined;
  readonly tlsVerify: boolean | undefined;
  readonly authFile: string | undefined;
  readonly certDir: string | undefined;
  /** A pod's name or id, or `new:NAME`. */
  readonly pod?: string | undefined;
}
