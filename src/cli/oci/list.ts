/** `list` */
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { type ContainerState, containerState, listIds } from "../../runtime/lifecycle/index.ts";
import { renderTable } from "../table.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, HELP, isOn, last, readRuntimeCommand, refuseOperands } from "./operands.ts";

export const LIST: CommandDefinition = {
  name: "oci list",
  description: "List the containers of a state folder.",
  operands: "",
  flags: {
    format: { type: "string", alias: "f", description: "table or json", valueHint: "FORMAT" },
    quiet: { type: "boolean", alias: "q", description: "Only the ids" },
    ...HELP,
  },
  examples: [],
};

const COLUMNS = [
  ["id", "ID"],
  ["pid", "PID"],
  ["status", "STATUS"],
  ["bundle", "BUNDLE"],
  ["created", "CREATED"],
  ["owner", "OWNER"],
] as const;

export async function list(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(LIST, argv);
  if (args === undefined) return 0;
  refuseOperands(args, LIST);
  const format = last(args, "format") ?? "table";
  if (format !== "table" && format !== "json")
    throw new TsboxError("usage", `cannot use --format=${format}: it is table or json`);
  const states: ContainerState[] = [];
  for (const id of listIds(root)) {
    try {
      states.push(await containerState(root, id));
    } catch (error) {
      // it was removed between the two looks, or its maker has not come far yet
      if (!(error instanceof TsboxError)) throw error;
    }
  }
  if (isOn(args, "quiet")) writeAll(1, states.map(({ id }) => `${id}\n`).join(""));
  else if (format === "json") writeAll(1, `${JSON.stringify(states)}\n`);
  else {
    const rows = states.map(({ pid, ...state }) => ({ ...state, pid: String(pid) }));
    writeAll(1, `${renderTable(COLUMNS, rows)}\n`);
  }
  return 0;
}
