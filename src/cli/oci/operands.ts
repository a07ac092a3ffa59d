/** What the runtime's commands begin with. */
import { TsboxError } from "../../error.ts";
import { type CommandDefinition, helpText, isOn, type ParsedArgs, parseArgs } from "../args.ts";

export { all, isOn, last } from "../args.ts";
export type { CommandDefinition, ParsedArgs };

export const HELP = { help: { type: "boolean", alias: "h", description: "Show this help" } } as const;

/** @returns undefined when the help was shown. @throws TsboxError `usage` */
export async function readRuntimeCommand(
  command: CommandDefinition,
  argv: readonly string[],
  stopAtOperand = false,
): Promise<ParsedArgs | undefined> {
  const args = parseArgs(command, argv, stopAtOperand);
  if (!isOn(args, "help")) return args;
  console.log(await helpText(command));
  return undefined;
}

/** The container's id, which comes first. @throws TsboxError `usage` */
export function containerId({ positionals }: ParsedArgs, command: CommandDefinition, most = 1): string {
  const [id] = positionals;
  if (id === undefined || id === "")
    throw new TsboxError("usage", `cannot run tsbox ${command.name}: no container id given`);
  if (positionals.length > most)
    throw new TsboxError(
      "usage",
      `cannot run tsbox ${command.name}: there is no argument ${JSON.stringify(positionals[most])}`,
    );
  return id;
}

/** For commands that take none. @throws TsboxError `usage` */
export function refuseOperands({ positionals: [first] }: ParsedArgs, command: CommandDefinition): void {
  if (first !== undefined)
    throw new TsboxError("usage", `cannot run tsbox ${command.name}: there is no argument ${JSON.stringify(first)}`);
}

/** A whole number that is not negative. @throws TsboxError `usage` */
export function wholeNumber(text: string, flag: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new TsboxError("usage", `cannot use ${flag}=${text}: it is not a number`);
}

/** Sockets that systemd hands over: sd_listen_fds(3). */
export function listenFds(env: NodeJS.ProcessEnv): number {
  const count = Number(env.LISTEN_FDS ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
