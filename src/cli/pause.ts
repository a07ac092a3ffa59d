/** `tsbox pause` and `tsbox unpause` */
import { pauseContainer } from "../container/pause.ts";
import type { CommandDefinition } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { ALL, forContainers } from "./containers.ts";

export const PAUSE: CommandDefinition = {
  name: "pause",
  description: "Freeze all processes of containers. Takes a cgroup that is delegated to you.",
  operands: "CONTAINER...",
  flags: { ...ALL, ...HELP },
  examples: [["tsbox pause web", "until tsbox unpause web"]],
};

export const UNPAUSE: CommandDefinition = {
  name: "unpause",
  description: "Let paused containers go on.",
  operands: "CONTAINER...",
  flags: { ...ALL, ...HELP },
  examples: [["tsbox unpause web", "after tsbox pause web"]],
};

export async function pause(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PAUSE, argv);
  return args === undefined ? 0 : await forContainers(PAUSE, args, (store, id) => pauseContainer(store, id, true));
}

export async function unpause(argv: readonly string[]): Promise<number> {
  const args = await readCommand(UNPAUSE, argv);
  return args === undefined ? 0 : await forContainers(UNPAUSE, args, (store, id) => pauseContainer(store, id, false));
}
