/** `kill` */
import { killContainer } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, isOn, readRuntimeCommand } from "./operands.ts";

export const KILL: CommandDefinition = {
  name: "oci kill",
  description: "Send a signal to a container (SIGTERM).",
  operands: "ID [SIGNAL]",
  flags: { all: { type: "boolean", alias: "a", description: "To all its processes" }, ...HELP },
  examples: [["tsbox oci kill box KILL", ""]],
};

export async function kill(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(KILL, argv);
  if (args === undefined) return 0;
  const id = containerId(args, KILL, 2);
  await killContainer(root, id, args.positionals[1] ?? "TERM", isOn(args, "all"));
  return 0;
}
