/** What commands about containers begin with. */
import { findContainer, listContainers } from "../container/list.ts";
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import type { CommandDefinition, ParsedArgs } from "./args.ts";
import { meansAll, requireOperands } from "./command.ts";

/** A flag of commands that take containers. */
export const ALL = { all: { type: "boolean", alias: "a", description: "All containers" } } as const;

export interface EachOptions {
  /** One that is not there is passed over. */
  readonly ignoreMissing?: boolean;
  /** Print each operand when it is done. */
  readonly print?: boolean;
}

/**
 * Does something to all containers that are named, at once: each failure is a line on standard error, and the others go on.
 * @returns the exit status: 1 when it failed for any, as with Docker
 * @throws TsboxError `usage` when none is named
 */
export async function forContainers(
  command: CommandDefinition,
  args: ParsedArgs,
  action: (store: string, id: string) => Promise<void> | void,
  { ignoreMissing = false, print = true }: EachOptions = {},
): Promise<number> {
  const store = openStore().root;
  const operands = meansAll(command, args, "container")
    ? listContainers(store).map(({ record }) => record.id)
    : args.positionals;
  const one = async (operand: string): Promise<string | undefined> => {
    try {
      await action(store, findContainer(store, operand));
      return undefined;
    } catch (error) {
      if (ignoreMissing && error instanceof TsboxError && error.code === "not-found") return "";
      if (!(error instanceof Error)) return String(error);
      // names the call and the path
      return error.name === "SyscallError" ? `cannot ${error.message}` : error.message;
    }
  };
  let status = 0;
  const results = inParallel(operands, one);
  // in the order in which they are named
  for (const [index, operand] of operands.entries()) {
    const failure = await results[index];
    if (failure === undefined && print) writeAll(1, `${operand}\n`);
    if (!failure) continue;
    writeAll(2, `tsbox: ${failure}\n`);
    status = 1;
  }
  return status;
}

/** Enough to keep the machine busy, few enough for its limits on processes. */
const AT_ONCE = 16;

/** One promise for each; as many of them as `AT_ONCE` are under way. */
function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R>[] {
  const slots = items.map(() => Promise.withResolvers<R>());
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) {
      const item = items[i] as T; // cast: i is within
      await work(item).then(slots[i]?.resolve, slots[i]?.reject);
    }
  };
  for (let i = 0; i < AT_ONCE; i++) void worker();
  return slots.map(({ promise }) => promise);
}

/** The one container that is named. @throws TsboxError `usage`, `not-found` */
export function oneContainer(command: CommandDefinition, args: ParsedArgs): { store: string; id: string } {
  requireOperands(command, args, "container");
  const store = openStore().root;
  return { store, id: findContainer(store, args.positionals[0] ?? "") };
}
