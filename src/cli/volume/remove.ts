/** `tsbox volume rm` and `prune` */
import { pruneUnusedVolumes } from "../../container/prune.ts";
import { listVolumes, removeVolume } from "../../container/volumes/index.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, isOn } from "../args.ts";
import { HELP, meansAll, readCommand, refuseOperands } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { tell } from "../prune.ts";
import { pruneFilter } from "./filter.ts";

export const RM: CommandDefinition = {
  name: "volume rm",
  description: "Remove volumes, with all that they hold. One that a container has is not removed.",
  operands: "VOLUME...",
  flags: {
    force: { type: "boolean", alias: "f", description: "Do not mind what is not there" },
    all: { type: "boolean", alias: "a", description: "All volumes" },
    ...HELP,
  },
  examples: [["tsbox volume rm data", "when no container has it any more"]],
};

export const PRUNE: CommandDefinition = {
  name: "volume prune",
  description: "Remove the volumes without a name of their own that no container has; with --all the others too.",
  operands: "",
  flags: {
    all: { type: "boolean", alias: "a", description: "Those with names, too" },
    force: { type: "boolean", alias: "f", description: "Do not ask" },
    filter: {
      type: "string",
      description: "label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME, all=true",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    ...HELP,
  },
  examples: [
    ["tsbox volume prune -f", "what containers that are gone have left"],
    ["tsbox volume prune -a --filter label=test", "all that are unused and have a label"],
  ],
};

/** Podman's: a volume that is in use. */
const IN_USE = 2;

export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const isAll = meansAll(RM, args, "volume");
  let status = 0;
  for (const name of isAll ? listVolumes(store).map((volume) => volume.name) : args.positionals) {
    try {
      await removeVolume(store, name);
      console.log(name);
    } catch (error) {
      if (!(error instanceof TsboxError)) throw error;
      if (error.code === "not-found" && isOn(args, "force")) continue;
      writeAll(2, `tsbox: ${error.message}\n`);
      status = error.code === "busy" ? IN_USE : status || 1;
    }
  }
  return status;
}

export async function prune(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PRUNE, argv);
  if (args === undefined) return 0;
  refuseOperands(PRUNE, args);
  const store = openStore().root;
  const { fits, named: filtered } = pruneFilter(args);
  const named = isOn(args, "all") || filtered;
  const which = `${named ? "all" : "anonymous"} volumes not used by at least one container`;
  if (!isOn(args, "force") && !(await confirmed(which))) return 0;
  tell([["Deleted Volumes", await pruneUnusedVolumes(store, (volume) => (named || volume.anonymous) && fits(volume))]]);
  return 0;
}
