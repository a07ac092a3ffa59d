/** `tsbox top` */
import { topOf } from "../container/top/index.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, helpText, isOn, parseArgs } from "./args.ts";
import { HELP } from "./command.ts";
import { oneContainer } from "./containers.ts";
import { printable } from "./readable.ts";
import { alignColumns } from "./table.ts";

export const TOP: CommandDefinition = {
  name: "top",
  description:
    "Show the processes of a container. Users are the container's own; pids are the host's, but for podman's descriptors, with which they are the container's.",
  operands: "CONTAINER [OPTION...]",
  flags: { ...HELP },
  examples: [
    ["tsbox top web", "UID PID PPID C STIME TTY TIME CMD"],
    ["tsbox top web -o pid,rss,args", "with options of ps: -o COLUMNS, -ef, aux"],
    ["tsbox top web pid hpid user capeff args", "with podman's descriptors"],
  ],
};

export async function top(argv: readonly string[]): Promise<number> {
  const args = parseArgs(TOP, argv, true);
  if (isOn(args, "help")) {
    writeAll(1, `${await helpText(TOP)}\n`);
    return 0;
  }
  const { store, id } = oneContainer(TOP, args);
  const lines = await topOf(store, id, args.positionals.slice(1));
  writeAll(1, `${alignColumns(lines.map((cells) => cells.map(printable)))}\n`);
  return 0;
}
