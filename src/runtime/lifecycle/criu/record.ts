/** What a checkpoint keeps beside CRIU's own images. */
import { TsboxError } from "../../../error.ts";
import { readText } from "../../../linux/read-text.ts";
import { DESCRIPTORS_FILE } from "./descriptors.ts";
import type { ExternalMount, MountPoint } from "./mounts.ts";

/** In the folder of the images. */
export const RECORD_FILE = "tsbox.json";

/** CRIU's keys of namespaces that the container joined; runc's and crun's names. */
export const JOINED = { net: "extRootNetNS", pid: "extRootPidNS" } as const;

export interface CheckpointRecord {
  readonly mounts: readonly ExternalMount[];
  readonly points: readonly MountPoint[];
  /** CRIU's name of a standard stream that is a file outside of the container. */
  readonly files: readonly (string | null)[];
}

export interface Checkpoint {
  readonly checkpoint: CheckpointRecord;
  /** What 0, 1 and 2 led to. */
  readonly streams: readonly string[];
}

/** @throws TsboxError `not-found`, `invalid` */
export function readCheckpoint(imagePath: string): Checkpoint {
  const read = (name: string): unknown => {
    let text: string;
    try {
      text = readText(`${imagePath}/${name}`);
    } catch (cause) {
      throw new TsboxError("not-found", `cannot restore: ${imagePath} has no ${name}: it is no checkpoint of tsbox`, {
        cause,
      });
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new TsboxError("invalid", `cannot restore: ${imagePath}/${name} is not JSON`, { cause });
    }
  };
  return {
    checkpoint: read(RECORD_FILE) as CheckpointRecord, // cast: written by checkpoint.ts
    streams: read(DESCRIPTORS_FILE) as string[], // cast: written by checkpoint.ts
  };
}
