/** `tsbox stop` */
import { parseSignal, stopContainer } from "../container/stop.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { ALL, forContainers } from "./containers.ts";
import { parseSeconds } from "./run-stays.ts";

export const STOP: CommandDefinition = {
  name: "stop",
  description: "End containers: with their stop signal, and after a while with SIGKILL. Prints each that has ended.",
  operands: "CONTAINER...",
  flags: {
    time: {
      type: "string",
      alias: "t",
      description: "Seconds to wait before killing (10); -1: for ever",
      valueHint: "SECONDS",
    },
    timeout: { type: "string", description: "As --time", valueHint: "SECONDS" },
    signal: {
      type: "string",
      alias: "s",
      description: "Signal to send instead of the container's own",
      valueHint: "SIGNAL",
    },
    ignore: { type: "boolean", alias: "i", description: "Do not mind containers that are not there" },
    ...ALL,
    ...HELP,
  },
  examples: [
    ["tsbox stop web", "SIGTERM, or the image's StopSignal, then SIGKILL after 10 seconds"],
    ["tsbox stop -t 1 web db", "two at once, with less patience"],
  ],
};

export async function stop(argv: readonly string[]): Promise<number> {
  const args = await readCommand(STOP, argv);
  if (args === undefined) return 0;
  const time = last(args, "time") ?? last(args, "timeout");
  const timeout = time === undefined ? undefined : parseSeconds(time, "--time");
  const name = last(args, "signal");
  const signal = name === undefined ? undefined : parseSignal(name);
  return await forContainers(STOP, args, (store, id) => stopContainer(store, id, { timeout, signal }), {
    ignoreMissing: isOn(args, "ignore"),
  });
}
