/** `tsbox attach` */
import { attachContainer, parseDetachKeys } from "../container/attach.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { oneContainer } from "./containers.ts";

export const ATTACH: CommandDefinition = {
  name: "attach",
  description: "Put this terminal, or these pipes, beside a container that runs. Ends as the container does.",
  operands: "CONTAINER",
  flags: {
    "no-stdin": { type: "boolean", description: "Only look on" },
    "detach-keys": { type: "string", description: "Keys that let go of it (ctrl-p,ctrl-q)", valueHint: "KEYS" },
    "sig-proxy": { type: "boolean", description: "Pass signals on to the program (on)" },
    ...HELP,
  },
  examples: [["tsbox attach box", "ctrl-p ctrl-q lets go of it again"]],
};

export async function attach(argv: readonly string[]): Promise<number> {
  const args = await readCommand(ATTACH, argv);
  if (args === undefined) return 0;
  const { store, id } = oneContainer(ATTACH, args);
  return attachContainer(store, id, {
    input: !isOn(args, "no-stdin"),
    forwardSignals: last(args, "sig-proxy") !== "false",
    owns: false,
    detachKeys: parseDetachKeys(last(args, "detach-keys")),
  });
}
