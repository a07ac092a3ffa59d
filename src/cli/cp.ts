/** `tsbox cp` */
import { type CopySide, copyFiles } from "../container/copy/index.ts";
import { findContainer } from "../container/list.ts";
import { TsboxError } from "../error.ts";
import { isTerminal } from "../linux/terminal.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn } from "./args.ts";
import { HELP, readCommand } from "./command.ts";

export const CP: CommandDefinition = {
  name: "cp",
  description:
    "Copy files between a container and the host, or between containers. A path that ends with /. means what is in the folder; - is a tar archive on standard input or output.",
  operands: "CONTAINER:PATH|PATH|- CONTAINER:PATH|PATH|-",
  flags: {
    archive: { type: "boolean", alias: "a", description: "Keep owners; otherwise files become root's, or yours" },
    "follow-link": { type: "boolean", alias: "L", description: "Copy what a link leads to instead of the link" },
    quiet: { type: "boolean", alias: "q", description: "Do not say that it is done" },
    ...HELP,
  },
  examples: [
    ["tsbox cp web:/etc/nginx .", "a folder out of a container, which need not run"],
    ["tsbox cp site/. web:/srv", "what is in a folder into a container"],
    ["tsbox cp web:/var/log - | tar t", "as an archive"],
  ],
};

/** @throws TsboxError */
export async function cp(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CP, argv);
  if (args === undefined) return 0;
  const [from, to, ...more] = args.positionals;
  if (from === undefined || to === undefined || more.length > 0)
    throw new TsboxError("usage", "cannot run tsbox cp: it takes a source and a destination; see tsbox cp --help");
  const store = openStore().root;
  const source = parseSide(store, from);
  const target = parseSide(store, to);
  if (source.kind !== "container" && target.kind !== "container")
    throw new TsboxError("usage", "cannot run tsbox cp: neither side is in a container; write CONTAINER:PATH for one");
  if (target.kind === "stream" && isTerminal(1))
    throw new TsboxError("usage", "cannot run tsbox cp: an archive is not written to a terminal; pipe it to something");
  await copyFiles(store, source, target, { archive: isOn(args, "archive"), followLink: isOn(args, "follow-link") });
  if (!isOn(args, "quiet") && isTerminal(2) && target.kind !== "stream") writeAll(2, `Successfully copied to ${to}\n`);
  return 0;
}

/** As Docker: what begins with "/" or "." is a path of the host, whatever colons it has. */
function parseSide(store: string, operand: string): CopySide {
  if (operand === "-") return { kind: "stream" };
  const colon = operand.indexOf(":");
  if (operand.startsWith("/") || operand.startsWith(".") || colon < 0) {
    if (operand === "") throw new TsboxError("usage", "cannot run tsbox cp: a path is empty");
    return { kind: "host", path: operand.startsWith("/") ? operand : `${process.cwd()}/${operand}`, shown: operand };
  }
  const path = operand.slice(colon + 1);
  if (path.includes("\0")) throw new TsboxError("usage", "cannot run tsbox cp: a path has a NUL byte");
  const id = findContainer(store, operand.slice(0, colon));
  return { kind: "container", id, path: path.startsWith("/") ? path : `/${path}`, shown: operand };
}
