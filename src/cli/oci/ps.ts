/** `ps` of a bundle's container */
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { containerProcesses } from "../../runtime/lifecycle/index.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, HELP, last, readRuntimeCommand } from "./operands.ts";

export const PS_BUNDLE: CommandDefinition = {
  name: "oci ps",
  description: "List the processes of a container, as ps(1) shows them.",
  operands: "ID [PS OPTION...]",
  flags: { format: { type: "string", alias: "f", description: "table or json", valueHint: "FORMAT" }, ...HELP },
  examples: [],
};

export async function ps(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(PS_BUNDLE, argv, true);
  if (args === undefined) return 0;
  const [id, ...options] = args.positionals;
  if (id === undefined) throw new TsboxError("usage", "cannot run tsbox oci ps: no container id given");
  const pids = await containerProcesses(root, id);
  const format = last(args, "format") ?? "table";
  if (format === "json") {
    writeAll(1, `${JSON.stringify(pids)}\n`);
    return 0;
  }
  if (format !== "table") throw new TsboxError("usage", `cannot use --format=${format}: it is table or json`);
  const program = Bun.which("ps");
  if (program === null)
    throw new TsboxError("host", "cannot list processes: there is no ps program; --format=json needs none");
  const shown = Bun.spawnSync([program, ...(options.length > 0 ? options : ["-ef"])], { stderr: "inherit" });
  const [head = "", ...lines] = shown.stdout.toString().trimEnd().split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new TsboxError("usage", "cannot list processes: the options of ps leave out the column PID");
  const wanted = new Set(pids.map(String));
  const rows = lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ""));
  writeAll(1, `${[head, ...rows].join("\n")}\n`);
  return 0;
}
