/** `tsbox system` */
import type { CommandDefinition } from "./args.ts";
import { HELP } from "./command.ts";
import { type GroupDefinition, groupCommand } from "./group.ts";
import { FILTER, FORCE } from "./prune-flags.ts";

export const DF: CommandDefinition = {
  name: "system df",
  description: "Show what images, containers and volumes take on disk, and how much of it nothing needs.",
  operands: "",
  flags: {
    verbose: { type: "boolean", alias: "v", description: "Show each of them" },
    format: { type: "string", description: "json, or a template with {{.Type}}, {{.Size}}, ...", valueHint: "FORMAT" },
    ...HELP,
  },
  examples: [
    ["tsbox system df", "a line for each kind"],
    ["tsbox system df -v", "a line for each image, container and volume"],
  ],
};

export const PRUNE: CommandDefinition = {
  name: "system prune",
  description:
    "Remove what nothing needs: containers that do not run, networks without containers, images without names.",
  operands: "",
  flags: {
    all: { type: "boolean", alias: "a", description: "All images that no container was made from" },
    force: FORCE,
    volumes: { type: "boolean", description: "Anonymous volumes that no container has, too" },
    filter: FILTER,
    ...HELP,
  },
  examples: [
    ["tsbox system prune -f", "without a question"],
    ["tsbox system prune -a --volumes", "all that is not in use"],
  ],
};

export const SYSTEM: GroupDefinition = {
  name: "system",
  description: "Show and free what tsbox takes on disk.",
  commands: {
    df: { definition: DF, run: async (argv) => (await import("./system/df.ts")).df(argv) },
    prune: { definition: PRUNE, run: async (argv) => (await import("./system/prune.ts")).prune(argv) },
  },
};

export const system = groupCommand(SYSTEM);
