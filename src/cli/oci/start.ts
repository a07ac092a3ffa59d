/** `start` */
import { startContainer } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, readRuntimeCommand } from "./operands.ts";
import { warn } from "./report.ts";

export const START: CommandDefinition = {
  name: "oci start",
  description: "Run the program of a created container.",
  operands: "ID",
  flags: HELP,
  examples: [],
};

export async function start(argv: readonly string[], { root, log }: Globals): Promise<number> {
  const args = await readRuntimeCommand(START, argv);
  if (args !== undefined) await startContainer(root, containerId(args, START), warn(log));
  return 0;
}
