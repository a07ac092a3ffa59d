/** What every command but `run` begins with. */
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, helpText, isOn, type ParsedArgs, parseArgs } from "./args.ts";

/** A flag of most commands. */
export const HELP = { help: { type: "boolean", alias: "h", description: "Show this help" } } as const;

/**
 * Reads the command line, or shows the help if that is what it asks for.
 * @returns undefined when the help was shown
 * @throws TsboxError `usage`
 */
export async function readCommand(
  command: CommandDefinition,
  argv: readonly string[],
): Promise<ParsedArgs | undefined> {
  const args = parseArgs(command, argv);
  if (!isOn(args, "help")) return args;
  console.log(await helpText(command));
  return undefined;
}

/** @throws TsboxError `usage` when nothing is named */
export function requireOperands(command: CommandDefinition, { positionals }: ParsedArgs, what: string): void {
  if (positionals.length > 0) return;
  throw new TsboxError("usage", `cannot run tsbox ${command.name}: no ${what} given; see tsbox ${command.name} --help`);
}

/** @throws TsboxError `usage` when something is named */
export function refuseOperands(command: CommandDefinition, { positionals }: ParsedArgs): void {
  const [first] = positionals;
  if (first === undefined) return;
  throw new TsboxError(
    "usage",
    `cannot run tsbox ${command.name}: there is no argument ${JSON.stringify(first)}; see tsbox ${command.name} --help`,
  );
}

/**
 * For commands with `--all`: whether it is given. Both would say two things, and runc's `kill --all ID` must not be taken for all.
 * @throws TsboxError `usage` when something is named beside it, or nothing without it
 */
export function meansAll(command: CommandDefinition, args: ParsedArgs, what: string): boolean {
  const [first] = args.positionals;
  if (!isOn(args, "all")) requireOperands(command, args, what);
  else if (first !== undefined)
    throw new TsboxError(
      "usage",
      `cannot run tsbox ${command.name}: --all is every ${what}, and ${JSON.stringify(first)} is named, too`,
    );
  return isOn(args, "all");
}

/**
 * Does something to each thing that is named, and goes on when it fails for one: each failure is a line on standard error.
 * @returns the exit status: 1 when it failed for any, as with Docker
 */
export async function forEachOperand(
  { positionals }: ParsedArgs,
  action: (operand: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const operand of positionals) {
    try {
      await action(operand);
    } catch (error) {
      if (!(error instanceof TsboxError)) throw error;
      writeAll(2, `tsbox: ${error.message}\n`);
      status = 1;
    }
  }
  return status;
}
