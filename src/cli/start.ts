/** `tsbox start` */
import { parseDetachKeys } from "../container/attach.ts";
import { startAttached, startDetached } from "../container/start.ts";
import { readRecord } from "../container/state.ts";
import { TsboxError } from "../error.ts";
import { isTerminal } from "../linux/terminal.ts";
import { writeAll } from "../linux/write-text.ts";
import { selfCommand } from "../plan/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand, requireOperands } from "./command.ts";
import { oneContainer } from "./containers.ts";

export const START: CommandDefinition = {
  name: "start",
  description: "Start containers that were created or have ended. Prints each that runs.",
  operands: "CONTAINER...",
  flags: {
    attach: { type: "boolean", alias: "a", description: "Show what the program writes, and end as it does" },
    interactive: { type: "boolean", alias: "i", description: "Let the program read standard input; implies --attach" },
    "detach-keys": { type: "string", description: "Keys that let go of it (ctrl-p,ctrl-q)", valueHint: "KEYS" },
    "sig-proxy": { type: "boolean", description: "Pass signals on to the program (on)" },
    ...HELP,
  },
  examples: [
    ["tsbox start web", "in the background"],
    ["tsbox start -ai box", "with the terminal, for one that was made with -it"],
  ],
};

/** @returns the exit status; not at all when the container starts, whose launcher this process becomes */
export async function start(argv: readonly string[]): Promise<number> {
  const args = await readCommand(START, argv);
  if (args === undefined) return 0;
  requireOperands(START, args, "container");
  const attached = isOn(args, "attach") || isOn(args, "interactive");
  const idle = ["detach-keys", "sig-proxy"].find((name) => args.flags.has(name));
  if (!attached && idle !== undefined)
    throw new TsboxError("usage", `cannot use --${idle} without -a or -i: nobody is attached`);
  if (args.positionals.length > 1) {
    if (attached) throw new TsboxError("usage", "cannot start several containers with -a or -i: name one");
    return await startEach(args.positionals);
  }
  const { store, id } = oneContainer(START, args);
  if (!attached) {
    // returns only when it runs already
    await startDetached(store, id, args.positionals[0]);
    writeAll(1, `${args.positionals[0]}\n`);
    return 0;
  }
  const record = readRecord(store, id);
  const input = isOn(args, "interactive") && record.interactive === true;
  if (record.tty && input && !isTerminal(0))
    throw new TsboxError("usage", "cannot attach: the container has a terminal, and the input device is none");
  await startAttached(store, id, {
    input,
    forwardSignals: last(args, "sig-proxy") !== "false",
    owns: false,
    // as Docker: bytes of a pipe are all for the program
    detachKeys: parseDetachKeys(record.tty ? last(args, "detach-keys") : ""),
  });
  // it runs already
  const { attachContainer } = await import("../container/attach.ts");
  return attachContainer(store, id, {
    input,
    forwardSignals: last(args, "sig-proxy") !== "false",
    owns: false,
    // as Docker: bytes of a pipe are all for the program
    detachKeys: parseDetachKeys(record.tty ? last(args, "detach-keys") : ""),
  });
}

/** Each in a process of its own, because the process that starts a container becomes its launcher. */
async function startEach(names: readonly string[]): Promise<number> {
  const children = names.map((name) =>
    Bun.spawn([...selfCommand(), "start", "--", name], { stdio: ["ignore", "inherit", "inherit"] }),
  );
  const statuses = await Promise.all(children.map(({ exited }) => exited));
  return statuses.some((status) => status !== 0) ? 1 : 0;
}
