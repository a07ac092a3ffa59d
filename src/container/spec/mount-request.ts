/** What `-v`, `--mount`, `--tmpfs`, `--device` and `--volumes-from` ask for. */
import type { LayeredImage } from "../root.ts";

export interface MountRequest {
  /** A volume without a source is one of the container's own, without a name that anybody gave it. */
  readonly type: "bind" | "tmpfs" | "volume" | "image";
  /** Of `bind`: absolute path on the host. Of `volume` and `image`: the name. */
  readonly source?: string;
  readonly destination: string;
  /** Options of runtime-spec. */
  readonly options: readonly string[];
  /** The flag as it was given, for messages. */
  readonly flag: string;
  /** Path below what a volume or image holds. */
  readonly subpath?: string;
  /** Do not fill a new volume with what the image has in its place. */
  readonly noCopy?: boolean;
  /** Option `U`: what is mounted becomes the property of the container's user. */
  readonly chown?: boolean;
  /** The volume was made for the container: it goes with it. Set when the container is made. */
  readonly anonymous?: boolean;
  /** Layers of an image. Set when the container is made. */
  readonly image?: LayeredImage;
}

/** `--volumes-from CONTAINER[:ro]`: the volumes and bind mounts of another container, at the same places. */
export interface VolumesFrom {
  /** Name or id. */
  readonly container: string;
  readonly readOnly: boolean;
  readonly flag: string;
}
