/** `state` */
import { writeAll } from "../../linux/write-text.ts";
import { containerState } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, readRuntimeCommand } from "./operands.ts";

export const STATE: CommandDefinition = {
  name: "oci state",
  description: "Print a container's state as JSON.",
  operands: "ID",
  flags: HELP,
  examples: [],
};

export async function state(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(STATE, argv);
  if (args !== undefined)
    writeAll(1, `${JSON.stringify(await containerState(root, containerId(args, STATE)), undefined, 2)}\n`);
  return 0;
}
