/** `tsbox wait` */

import { findContainer } from "../container/list.ts";
import { type WaitCondition, waitContainer } from "../container/wait.ts";
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, last } from "./args.ts";
import { HELP, readCommand, requireOperands } from "./command.ts";

const CONDITIONS: readonly WaitCondition[] = [
  "not-running",
  "next-exit",
  "removed",
  "running",
  "created",
  "paused",
  "exited",
  "healthy",
  "unhealthy",
];

export const WAIT: CommandDefinition = {
  name: "wait",
  description: "Wait until containers have ended. Prints the exit status of each.",
  operands: "CONTAINER...",
  flags: {
    condition: { type: "string", description: `What to wait for: ${CONDITIONS.join(", ")}`, valueHint: "CONDITION" },
    ...HELP,
  },
  examples: [
    ["tsbox wait job", "until it has ended"],
    ["tsbox wait --condition=healthy web", "until its health check succeeds"],
  ],
};

export async function wait(argv: readonly string[]): Promise<number> {
  const args = await readCommand(WAIT, argv);
  if (args === undefined) return 0;
  requireOperands(WAIT, args, "container");
  const asked = last(args, "condition") ?? "not-running";
  // podman's name
  const condition = CONDITIONS.find((name) => name === (asked === "stopped" ? "exited" : asked));
  if (condition === undefined)
    throw new TsboxError("usage", `cannot use --condition=${asked}: it is not one of ${CONDITIONS.join(", ")}`);
  const store = openStore().root;
  // all are found before any is waited for
  for (const id of args.positionals.map((name) => findContainer(store, name)))
    writeAll(1, `${await waitContainer(store, id, condition)}\n`);
  return 0;
}
