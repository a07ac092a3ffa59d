/** `delete` */
import { deleteContainer } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, isOn, readRuntimeCommand } from "./operands.ts";
import { warn } from "./report.ts";

export const DELETE: CommandDefinition = {
  name: "oci delete",
  description: "Remove what is left of a container.",
  operands: "ID",
  flags: {
    force: { type: "boolean", alias: "f", description: "End it first if it runs, and do not mind if it is not there" },
    ...HELP,
  },
  examples: [],
};

export async function deleteCommand(argv: readonly string[], { root, log }: Globals): Promise<number> {
  const args = await readRuntimeCommand(DELETE, argv);
  if (args !== undefined) await deleteContainer(root, containerId(args, DELETE), isOn(args, "force"), warn(log));
  return 0;
}
