/** `tsbox kill` */
import { killContainer, parseSignal } from "../container/stop.ts";
import { type CommandDefinition, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { ALL, forContainers } from "./containers.ts";

export const KILL: CommandDefinition = {
  name: "kill",
  description: "Send a signal to the first process of containers. Prints each that got it.",
  operands: "CONTAINER...",
  flags: {
    signal: { type: "string", alias: "s", description: "Name or number of the signal (SIGKILL)", valueHint: "SIGNAL" },
    ...ALL,
    ...HELP,
  },
  examples: [
    ["tsbox kill web", "end it at once"],
    ["tsbox kill -s HUP web", "have it read its configuration again"],
  ],
};

export async function kill(argv: readonly string[]): Promise<number> {
  const args = await readCommand(KILL, argv);
  if (args === undefined) return 0;
  const signal = parseSignal(last(args, "signal") ?? "SIGKILL");
  return await forContainers(KILL, args, (store, id) => killContainer(store, id, signal));
}
