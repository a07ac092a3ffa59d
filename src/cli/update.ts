/** `tsbox update` */
import { type ContainerUpdate, updateContainer } from "../container/update.ts";
import { TsboxError } from "../error.ts";
import { warn } from "../linux/warn.ts";
import { type CommandDefinition, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { forContainers } from "./containers.ts";
import { readLimits } from "./limit-flags.ts";
import { parseRestart } from "./run-stays.ts";

const number = (description: string, alias?: string) =>
  ({ type: "string", description, valueHint: "NUMBER", ...(alias === undefined ? {} : { alias }) }) as const;
const size = (description: string, alias?: string) =>
  ({ type: "string", description, valueHint: "SIZE", ...(alias === undefined ? {} : { alias }) }) as const;

export const UPDATE: CommandDefinition = {
  name: "update",
  description: "Change the limits and the restart policy of containers, at once if they run, and for later starts.",
  operands: "CONTAINER...",
  flags: {
    memory: size("Limit of memory; swap follows, as much again, unless it was limited by itself", "m"),
    "memory-swap": size("Limit of memory and swap together; -1: without"),
    "memory-reservation": size("Memory that is left to it while others are short of it"),
    cpus: number("Limit of processors"),
    "cpu-shares": number("Weight among others that compute, 2 to 262144", "c"),
    "cpu-period": number("Period of the limit of processors, in microseconds"),
    "cpu-quota": number("Time that it may compute in each period, in microseconds"),
    "cpuset-cpus": { type: "string", description: "Processors that it may use", valueHint: "LIST" },
    "cpuset-mems": { type: "string", description: "Memory nodes that it may use", valueHint: "LIST" },
    "blkio-weight": number("Weight among others that read and write, 10 to 1000"),
    "pids-limit": number("Limit of processes; -1: without"),
    restart: {
      type: "string",
      description: "no, on-failure[:N], always or unless-stopped",
      valueHint: "POLICY",
    },
    ...HELP,
  },
  examples: [
    ["tsbox update --memory 1g --cpus 2 web", "limits of one that runs"],
    ["tsbox update --restart unless-stopped web db", "of two"],
  ],
};

export async function update(argv: readonly string[]): Promise<number> {
  const args = await readCommand(UPDATE, argv);
  if (args === undefined) return 0;
  const wanted = readUpdate(args);
  if (Object.keys(wanted.resources).length === 0 && wanted.restart === undefined)
    throw new TsboxError("usage", "cannot run tsbox update: nothing to change; see tsbox update --help");
  return await forContainers(UPDATE, args, async (store, id) => {
    for (const line of await updateContainer(store, id, wanted)) warn(line);
  });
}

/** @throws TsboxError `usage` */
function readUpdate(args: ParsedArgs): ContainerUpdate {
  const restart = last(args, "restart");
  return { resources: readLimits(args), restart: restart === undefined ? undefined : parseRestart(restart) };
}
