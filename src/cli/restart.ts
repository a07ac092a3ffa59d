/** `tsbox restart` */
import { event } from "../container/events.ts";
import { startDetached } from "../container/start.ts";
import { readRecord } from "../container/state.ts";
import { parseSignal, stopContainer } from "../container/stop.ts";
import { writeAll } from "../linux/write-text.ts";
import { selfCommand } from "../plan/index.ts";
import { type CommandDefinition, last } from "./args.ts";
import { HELP, readCommand, requireOperands } from "./command.ts";
import { oneContainer } from "./containers.ts";
import { parseSeconds } from "./run-stays.ts";

export const RESTART: CommandDefinition = {
  name: "restart",
  description: "Stop containers and start them again; those that do not run are started. Prints each that runs.",
  operands: "CONTAINER...",
  flags: {
    time: { type: "string", alias: "t", description: "Seconds to wait before killing (10)", valueHint: "SECONDS" },
    signal: {
      type: "string",
      alias: "s",
      description: "Signal to send instead of the container's own",
      valueHint: "SIGNAL",
    },
    ...HELP,
  },
  examples: [["tsbox restart web", "as stop and start"]],
};

export async function restart(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RESTART, argv);
  if (args === undefined) return 0;
  requireOperands(RESTART, args, "container");
  const time = last(args, "time");
  const signal = last(args, "signal");
  if (args.positionals.length > 1) {
    // each in a process of its own, because the process that starts a container becomes its launcher
    const flags = [
      ...(time === undefined ? [] : [`--time=${time}`]),
      ...(signal === undefined ? [] : [`--signal=${signal}`]),
    ];
    const children = args.positionals.map((name) =>
      Bun.spawn([...selfCommand(), "restart", ...flags, "--", name], { stdio: ["ignore", "inherit", "inherit"] }),
    );
    const statuses = await Promise.all(children.map(({ exited }) => exited));
    return statuses.some((status) => status !== 0) ? 1 : 0;
  }
  const { store, id } = oneContainer(RESTART, args);
  await stopContainer(store, id, {
    timeout: time === undefined ? undefined : parseSeconds(time, "--time"),
    signal: signal === undefined ? undefined : parseSignal(signal),
  });
  // this process is gone once it runs
  event(store, readRecord(store, id), "restart");
  await startDetached(store, id, args.positionals[0]);
  // somebody else was faster
  writeAll(1, `${args.positionals[0]}\n`);
  return 0;
}
