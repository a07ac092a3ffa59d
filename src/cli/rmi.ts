/** `tsbox rmi` */
import { imageRemovalEvent } from "../container/events.ts";
import { TsboxError } from "../error.ts";
import { removeImage } from "../image/index.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn } from "./args.ts";
import { forEachOperand, HELP, readCommand, requireOperands } from "./command.ts";

export const RMI: CommandDefinition = {
  name: "rmi",
  description: "Remove images, and what only they needed. Prints what was removed.",
  operands: "IMAGE...",
  flags: {
    force: {
      type: "boolean",
      alias: "f",
      description: "Take the name of an image that containers need, and do not mind what is not there",
    },
    ...HELP,
  },
  examples: [
    ["tsbox rmi alpine", "by name, or by image id or its beginning"],
    ["tsbox rmi $(tsbox images -q)", "all of them"],
  ],
};

/** @throws TsboxError `usage`; other failures are printed, and the other images removed all the same */
export async function rmi(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RMI, argv);
  if (args === undefined) return 0;
  requireOperands(RMI, args, "image");
  const store = openStore();
  return await forEachOperand(args, async (operand) => {
    try {
      for (const line of await removeImage(store, operand, { force: isOn(args, "force") })) {
        console.log(line);
        imageRemovalEvent(store.root, line);
      }
    } catch (error) {
      if (!(isOn(args, "force") && error instanceof TsboxError && error.code === "not-found")) throw error;
    }
  });
}
