/** `pause` and `resume` */
import { pauseContainer } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, readRuntimeCommand } from "./operands.ts";

export const PAUSE: CommandDefinition = {
  name: "oci pause",
  description: "Stop all processes of a container where they are.",
  operands: "ID",
  flags: HELP,
  examples: [],
};
export const RESUME: CommandDefinition = { ...PAUSE, name: "oci resume", description: "Let a paused container go on." };

export async function pause(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(PAUSE, argv);
  if (args !== undefined) await pauseContainer(root, containerId(args, PAUSE), true);
  return 0;
}

export async function resume(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(RESUME, argv);
  if (args !== undefined) await pauseContainer(root, containerId(args, RESUME), false);
  return 0;
}
