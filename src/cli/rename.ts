/** `tsbox rename` */
import { findContainer } from "../container/list.ts";
import { renameContainer } from "../container/rename.ts";
import { TsboxError } from "../error.ts";
import { openStore } from "../store/index.ts";
import type { CommandDefinition } from "./args.ts";
import { HELP, readCommand } from "./command.ts";

export const RENAME: CommandDefinition = {
  name: "rename",
  description:
    "Give a container another name, also while it runs. One that runs with --rm answers to its old name as well until it ends.",
  operands: "CONTAINER NAME",
  flags: { ...HELP },
  examples: [["tsbox rename web web-old", "so that another can be called web"]],
};

export async function rename(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RENAME, argv);
  if (args === undefined) return 0;
  const [container, name, more] = args.positionals;
  if (container === undefined || name === undefined || more !== undefined)
    throw new TsboxError("usage", "cannot run tsbox rename: give a container and its new name");
  const store = openStore().root;
  await renameContainer(store, findContainer(store, container), name);
  return 0;
}
