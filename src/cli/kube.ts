/** `tsbox kube`: its commands are in `kube/`. */
import { type GroupDefinition, groupCommand } from "./group.ts";
import { GENERATE, generate } from "./kube/generate.ts";
import { DOWN, down, PLAY, play } from "./kube/play.ts";

export const KUBE: GroupDefinition = {
  name: "kube",
  description: "Pods from YAML of Kubernetes, and the other way round.",
  commands: {
    play: { definition: PLAY, run: play, aliases: ["apply"] },
    down: { definition: DOWN, run: down },
    generate: { definition: GENERATE, run: generate },
  },
};

export const kube = groupCommand(KUBE);
