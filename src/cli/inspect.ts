/** `tsbox inspect` */
import { TsboxError } from "../error.ts";
import { isTerminal } from "../linux/terminal.ts";
import { writeAll } from "../linux/write-text.ts";
import { storeFolder } from "../store/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand, requireOperands } from "./command.ts";
import { compileTemplate } from "./format/template.ts";
import { jsonText } from "./format/values.ts";
import { type Inspected, KINDS } from "./inspect/kinds.ts";

export const INSPECT: CommandDefinition = {
  name: "inspect",
  description: "Print all that is known of containers, images, volumes, networks or pods, as JSON.",
  operands: "NAME...",
  flags: {
    type: { type: "string", description: "Look only for: container, image, volume, network or pod", valueHint: "TYPE" },
    format: { type: "string", alias: "f", description: "json, or a template: {{.State.Status}}", valueHint: "FORMAT" },
    size: { type: "boolean", alias: "s", description: "Show what a container has written" },
    ...HELP,
  },
  examples: [
    ["tsbox inspect web", "all of it"],
    ["tsbox inspect -f '{{.State.Status}} {{.State.ExitCode}}' web", "what became of it"],
    ["tsbox inspect -f '{{json .Config.Labels}}' web", "a part of it, as JSON"],
    ["tsbox inspect --type image alpine", "an image, whatever else has the name"],
  ],
};

/** So many blanks for each depth, as Docker has it. */
const INDENT = 4;

/** @returns the exit status: 1 when one is not there, as with Docker; the others are shown. @throws TsboxError `usage` */
export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  requireOperands(INSPECT, args, "name");
  const kinds = kindsOf(last(args, "type"));
  const format = last(args, "format");
  const show = format === undefined || format === "json" ? undefined : compileTemplate(format, { clean: cleaner() });
  const store = storeFolder();
  const found: Inspected[] = [];
  const failures: string[] = [];
  for (const name of args.positionals) {
    const one = await find(store, name, kinds, isOn(args, "size"));
    if (one !== undefined) found.push(one);
    else failures.push(`no such ${kinds.length === 1 ? kinds[0] : "object"}: ${name}`);
  }
  if (show === undefined) writeAll(1, `${jsonText(found, format === undefined ? INDENT : 0)}\n`);
  else for (const one of found) writeAll(1, `${show.render(one)}\n`);
  for (const failure of failures) writeAll(2, `tsbox: ${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

/** @throws TsboxError `usage` for a kind that there is not */
function kindsOf(asked: string | undefined): readonly string[] {
  const all = [...KINDS.keys()];
  if (asked === undefined) return all;
  if (all.includes(asked)) return [asked];
  throw new TsboxError("usage", `cannot use --type ${asked}: expected one of ${all.join(", ")}`);
}

/** What the first kind has that has anything of that name. */
async function find(
  store: string,
  name: string,
  kinds: readonly string[],
  withSize: boolean,
): Promise<Inspected | undefined> {
  for (const kind of kinds) {
    const inspector = await KINDS.get(kind)?.();
    try {
      return await inspector?.(store, name, withSize);
    } catch (error) {
      if (!(error instanceof TsboxError) || error.code !== "not-found") throw error;
    }
  }
  return undefined;
}

/** On a terminal nothing that strangers wrote may steer it; lines and tabs stay. Programs get all as it is. */
function cleaner(): (text: string) => string {
  if (!isTerminal(1)) return (text) => text;
  return (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}
