/** What commands about pods begin with. */
import { findPod, listPods, type PodRecord } from "../../container/pods/index.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, isOn, type ParsedArgs } from "../args.ts";
import { meansAll, requireOperands } from "../command.ts";

export const ALL = { all: { type: "boolean", alias: "a", description: "All pods" } } as const;

/**
 * Does something to all pods that are named, at once: each failure is a line on standard error, and the others go on. Prints the id of
 * each that is done.
 * @returns the exit status: 1 when it failed for any
 */
export async function forPods(
  command: CommandDefinition,
  args: ParsedArgs,
  action: (store: string, pod: PodRecord) => Promise<void>,
): Promise<number> {
  const store = openStore().root;
  const operands = meansAll(command, args, "pod") ? listPods(store).map(({ id }) => id) : args.positionals;
  const ignore = isOn(args, "ignore") || (isOn(args, "force") && Object.hasOwn(command.flags, "ignore"));
  const one = async (operand: string): Promise<readonly [fd: 1 | 2, line: string] | undefined> => {
    try {
      const pod = findPod(store, operand);
      await action(store, pod);
      return [1, pod.id];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const missing = error instanceof TsboxError && error.code === "not-found";
      return missing && ignore ? undefined : [2, `tsbox: ${error.message}`];
    }
  };
  let status = 0;
  for (const outcome of await Promise.all(operands.map(one))) {
    if (outcome === undefined) continue;
    writeAll(outcome[0], `${outcome[1]}\n`);
    if (outcome[0] === 2) status = 1;
  }
  return status;
}

/** The one pod that is named. @throws TsboxError `usage`, `not-found` */
export function onePod(command: CommandDefinition, args: ParsedArgs): { store: string; pod: PodRecord } {
  requireOperands(command, args, "pod");
  const store = openStore().root;
  return { store, pod: findPod(store, args.positionals[0] ?? "") };
}
