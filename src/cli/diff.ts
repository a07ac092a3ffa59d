/** `tsbox diff` */
import { listChanges } from "../container/changes/index.ts";
import { findContainer } from "../container/list.ts";
import { TsboxError } from "../error.ts";
import { writeAll, writeBytes } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";

export const DIFF: CommandDefinition = {
  name: "diff",
  description: "Show which files of a container differ from its image: A added, C changed, D deleted.",
  operands: "CONTAINER",
  flags: {
    format: { type: "string", valueHint: "json", description: "json: an object with lists of paths" },
    ...HELP,
  },
  examples: [
    ["tsbox diff web", "a line for each path"],
    ["tsbox diff --format json web", 'as {"changed": [...], "added": [...], "deleted": [...]}'],
  ],
};

/** @throws TsboxError */
export async function diff(argv: readonly string[]): Promise<number> {
  const args = await readCommand(DIFF, argv);
  if (args === undefined) return 0;
  const [name, ...more] = args.positionals;
  if (name === undefined || more.length > 0)
    throw new TsboxError("usage", "cannot run tsbox diff: it takes one container; see tsbox diff --help");
  const format = last(args, "format");
  if (format !== undefined && format !== "json")
    throw new TsboxError("usage", `cannot use --format ${format}: tsbox diff knows json`);
  const store = openStore().root;
  const changes = await listChanges(store, findContainer(store, name));
  const paths = (kind: string) =>
    changes.filter((change) => change.kind === kind).map(({ path }) => Buffer.from(path, "latin1").toString());
  if (format === "json") {
    // podman's form: what there is none of is left out
    const lists = { changed: paths("C"), added: paths("A"), deleted: paths("D") };
    const filled = Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
    writeAll(1, `${JSON.stringify(filled, null, 2)}\n`);
  } else writeBytes(1, Buffer.from(changes.map(({ kind, path }) => `${kind} ${path}\n`).join(""), "latin1"));
  return 0;
}
