/** `tsbox rm` */
import { removeContainer } from "../container/remove.ts";
import { sweepContainers } from "../container/sweep.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { ALL, forContainers } from "./containers.ts";
import { parseSeconds } from "./run-stays.ts";

export const RM: CommandDefinition = {
  name: "rm",
  description: "Remove containers, with everything that was written in them. Prints what was removed.",
  operands: "CONTAINER...",
  flags: {
    force: { type: "boolean", alias: "f", description: "Kill what runs, and do not mind what is not there" },
    volumes: { type: "boolean", alias: "v", description: "Remove their anonymous volumes, too" },
    time: {
      type: "string",
      alias: "t",
      description: "Seconds to wait before killing, with --force (0)",
      valueHint: "SECONDS",
    },
    ...ALL,
    ...HELP,
  },
  examples: [
    ["tsbox rm web", "by name, or by id or its beginning"],
    ["tsbox rm -f web", "also when it runs"],
  ],
};

/** @throws TsboxError `usage`; other failures are printed, and the other containers removed all the same */
export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const force = isOn(args, "force");
  const time = last(args, "time");
  const timeout = time === undefined ? 0 : parseSeconds(time, "--time");
  const remove = async (store: string, id: string) =>
    await removeContainer(store, id, { force, timeout, volumes: isOn(args, "volumes") });
  const status = await forContainers(RM, args, remove, { ignoreMissing: force });
  await sweepContainers(openStore().root);
  return status;
}
