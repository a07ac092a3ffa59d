/** `tsbox create` */
import { createContainer } from "../container/run.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, isOn, parseArgs } from "./args.ts";
import { withDefaults } from "./config/apply.ts";
import { showLater } from "./run.ts";
import { RUN } from "./run-flags.ts";
import { readRunOptions } from "./run-options.ts";

const { detach: _detach, "detach-keys": _keys, explain: _explain, ...flags } = RUN.flags;

export const CREATE: CommandDefinition = {
  name: "create",
  description: "Make a container without starting it. Prints its id; start does the rest.",
  operands: "IMAGE [COMMAND [ARG...]]",
  flags,
  examples: [
    ["tsbox create --name web -p 8080:80 nginx", "then: tsbox start web"],
    ["tsbox create -it --name box debian bash", "then: tsbox start -ai box"],
  ],
};

export async function create(argv: readonly string[]): Promise<number> {
  const args = withDefaults(CREATE, parseArgs(CREATE, argv, true));
  if (isOn(args, "help")) {
    const { helpText } = await import("./args.ts");
    writeAll(1, `${await helpText(CREATE)}\n`);
    return 0;
  }
  const folder = process.cwd();
  const options = { ...readRunOptions(args, process.env, folder), typed: { command: ["create", ...argv], folder } };
  const id = await createContainer(options, isOn(args, "quiet") ? undefined : showLater());
  writeAll(1, `${id}\n`);
  return 0;
}
