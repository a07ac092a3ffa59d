/** Opens what an image name names. Each transport is loaded when it is used. */
import type { ImageName, ImageSource } from "../oci/index.ts";

/** For registries; the other transports have no options. */
export interface SourceOptions {
  readonly tlsVerify?: boolean;
  readonly authFile?: string;
  readonly certDir?: string;
  readonly signal?: AbortSignal;
  readonly onRetry?: (message: string) => void;
}

/**
 * The caller closes it.
 *
 * @param scratch makes a folder on disk, for archives that must be expanded to be read
 */
export async function openSource(name: ImageName, options: SourceOptions, scratch: () => string): Promise<ImageSource> {
  switch (name.transport) {
    case "docker": {
      const { configuredSource } = await import("../registry/index.ts");
      return configuredSource(name.reference, options);
    }
    case "oci":
      return (await import("./layout.ts")).layoutSource(name.path, name.tag);
    case "oci-archive":
      return await (await import("./oci-archive.ts")).ociArchiveSource(name.path, name.tag, scratch());
    case "docker-archive":
      return await (await import("./docker-archive.ts")).dockerArchiveSource(name.path, name.tag, scratch());
  }
}
