/** What podman and buildah of Debian's next release do. */
import { buildah } from "./buildah.ts";
import { podman, toScenarios } from "./podman.ts";
import { optionScenarios } from "./podman-options.ts";
import { serviceScenarios } from "./podman-services.ts";
import type { Caller } from "./scenario.ts";

const podman5: Caller = {
  ...podman,
  scenarios: [...podman.scenarios, ...toScenarios({ ...optionScenarios, ...serviceScenarios })],
};

export const NEWEST: readonly Caller[] = [podman5, buildah];
