/** `tsbox update` */
import { parseBytes, parseCpus } from "../container/flags/index.ts";
import { type ContainerUpdate, updateContainer } from "../container/update.ts";
import { TsboxError } from "../error.ts";
import { warn } from "../linux/warn.ts";
import type { LinuxCPU, LinuxMemory } from "../oci/index.ts";
import { type CommandDefinition, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { forContainers } from "./containers.ts";
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
  const memory: LinuxMemory = defined({
    limit: bytes(args, "memory"),
    swap: bytes(args, "memory-swap"),
    reservation: bytes(args, "memory-reservation"),
  });
  const cpus = last(args, "cpus");
  if (cpus !== undefined && (last(args, "cpu-quota") ?? last(args, "cpu-period")) !== undefined)
    throw new TsboxError("usage", "cannot use --cpus with --cpu-quota or --cpu-period: both say the same");
  const cpu: LinuxCPU = defined({
    shares: whole(args, "cpu-shares"),
    period: whole(args, "cpu-period"),
    quota: whole(args, "cpu-quota"),
    cpus: last(args, "cpuset-cpus"),
    mems: last(args, "cpuset-mems"),
    ...(cpus === undefined ? {} : parseCpus(cpus)),
  });
  const pids = whole(args, "pids-limit");
  const weight = whole(args, "blkio-weight");
  const restart = last(args, "restart");
  return {
    resources: {
      ...(Object.keys(memory).length === 0 ? {} : { memory }),
      ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
      ...(pids === undefined ? {} : { pids: { limit: pids === 0 ? -1 : pids } }),
      ...(weight === undefined ? {} : { blockIO: { weight } }),
    },
    restart: restart === undefined ? undefined : parseRestart(restart),
  };
}

/** Without what is undefined, which would overwrite. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T; // cast: a part of T, whose fields are optional
}

function bytes(args: ParsedArgs, name: string): number | undefined {
  const text = last(args, name);
  if (text === "-1") return -1;
  return text === undefined ? undefined : parseBytes(text, `--${name}`);
}

function whole(args: ParsedArgs, name: string): number | undefined {
  const text = last(args, name);
  if (text === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new TsboxError("usage", `cannot use --${name} ${text}: it is not a number`);
}
