/** What a person asked of `tsbox run`, parsed. `cli/` makes it from the command line. */
import type { UsernsMode } from "../../idmap/index.ts";
import type { DNSOptions, ExtraHost, NetworkMode, PublishedPort } from "../../network/index.ts";
import type { LinuxResources, Platform, Rlimit } from "../../oci/index.ts";

/** A mount of `-v`, `--mount`, `--tmpfs` or `--device`. */
export interface MountRequest {
  readonly type: "bind" | "tmpfs" | "anonymous";
  /** Absolute path on the host; only for `bind`. */
  readonly source?: string;
  readonly destination: string;
  /** Options of runtime-spec. */
  readonly options: readonly string[];
  /** The flag as it was given, for messages. */
  readonly flag: string;
}

export interface SecurityOptions {
  /** A file with a profile, or `unconfined`; absent for the default profile. */
  readonly seccomp: string | undefined;
  readonly noNewPrivileges: boolean;
  readonly mask: readonly string[];
  /** Paths, or `ALL`. */
  readonly unmask: readonly string[];
}

export type NamespaceChoice = "private" | "host";
export type PullPolicy = "missing" | "always" | "never" | "newer";
export type StorageDriver = "overlay" | "fuse-overlayfs" | "copy";

export interface RunOptions {
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
  readonly workdir: string | undefined;
  /** An empty text takes the image's away. */
  readonly entrypoint: string | undefined;
  /** `NAME=value`, in order; `NAME` alone takes the image's away. */
  readonly env: readonly string[];
  readonly mounts: readonly MountRequest[];
  /** Bytes. */
  readonly shmSize: number;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly security: SecurityOptions;
  readonly network: NetworkMode | undefined;
  readonly publish: readonly PublishedPort[];
  readonly dns: DNSOptions;
  readonly addHosts: readonly ExtraHost[];
  readonly rlimits: readonly Rlimit[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
  readonly stopSignal: string | undefined;
  readonly resources: LinuxResources;
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
}
