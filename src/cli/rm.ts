/** `tsbox rm` */
import { findContainer, isContainerRunning, killContainer, removeContainerFolder } from "../container/index.ts";
import { TsboxError } from "../error.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn } from "./args.ts";
import { forEachOperand, HELP, readCommand, requireOperands } from "./command.ts";

export const RM: CommandDefinition = {
  name: "rm",
  description: "Remove containers, with everything that was written in them. Prints what was removed.",
  operands: "CONTAINER...",
  flags: {
    force: { type: "boolean", alias: "f", description: "Kill what runs, and do not mind what is not there" },
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
  requireOperands(RM, args, "container");
  const force = isOn(args, "force");
  const store = openStore().root;
  return await forEachOperand(args, async (operand) => {
    let id: string;
    try {
      id = findContainer(store, operand);
    } catch (error) {
      if (force && error instanceof TsboxError && error.code === "not-found") return;
      throw error;
    }
    if (isContainerRunning(store, id)) {
      if (!force)
        throw new TsboxError("busy", `cannot remove container ${operand}: it runs; tsbox rm -f ends it first`);
      await killContainer(store, id);
    }
    await removeContainerFolder(store, id);
    console.log(operand);
  });
}
