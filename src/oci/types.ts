/** Types of image-spec 1.1.1 and of Docker's schema 2, which says the same with other media types. */
import type { Digest } from "./digest.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
  readonly "os.features"?: readonly string[] | undefined;
}

export type Annotations = Readonly<Record<string, string>>;

/** image-spec descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[] | undefined;
  readonly annotations?: Annotations | undefined;
  readonly platform?: Platform | undefined;
  readonly artifactType?: string | undefined;
}

/** image-spec manifest.md */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** What this is about: a signature's image. */
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Annotations | undefined;
}

/** image-spec image-index.md, image-layout.md (index.json) */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Annotations | undefined;
}

/** `config` of an image's configuration: how it wants to be run. Field names are Docker's. */
export interface ContainerDefaults {
  readonly User?: string | undefined;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null | undefined;
  readonly Env?: readonly string[] | null | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly StopSignal?: string | undefined;
  /** Docker's, for builds: instructions of the images that are built on this one. */
  readonly OnBuild?: readonly string[] | null | undefined;
  /** Docker's: what a command line in shell form is given to. */
  readonly Shell?: readonly string[] | null | undefined;
  /** Docker's, for Windows: the command line is one text already. */
  readonly ArgsEscaped?: boolean | undefined;
  readonly Healthcheck?: Healthcheck | null | undefined;
}

/** Docker's: how to find out whether a container does its work. Times are nanoseconds; 0 or nothing is the default. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", text]`; empty to inherit. */
  readonly Test?: readonly string[] | null | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  readonly Retries?: number | undefined;
}

/** image-spec config.md */
export interface ImageConfig {
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | undefined;
  readonly config?: ContainerDefaults | null | undefined;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[] | null | undefined;
}

export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly created_by?: string | undefined;
  readonly comment?: string | undefined;
  readonly empty_layer?: boolean | undefined;
}

/** The annotation by which a layout names its images. */
export const REF_NAME = "org.opencontainers.image.ref.name";
