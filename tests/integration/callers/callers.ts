/** All callers. */
import { buildah } from "./buildah.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { podman } from "./podman.ts";
import type { Caller } from "./scenario.ts";

export const CALLERS: readonly Caller[] = [podman, buildah, containerd, docker];
