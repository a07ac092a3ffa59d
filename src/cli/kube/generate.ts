/** `tsbox kube generate` */
import { generateKube } from "../../container/kube/index.ts";
import { warn } from "../../linux/warn.ts";
import { writeAll, writeText } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, last } from "../args.ts";
import { HELP, readCommand, requireOperands } from "../command.ts";

export const GENERATE: CommandDefinition = {
  name: "kube generate",
  description: "Print a pod, or containers as one pod, as YAML that kube play takes again.",
  operands: "POD|CONTAINER...",
  flags: {
    filename: { type: "string", alias: "f", description: "Write it to a new file", valueHint: "FILE" },
    ...HELP,
  },
  examples: [
    ["tsbox kube generate web > web.yaml", "then, anywhere: tsbox kube play web.yaml"],
    ["tsbox kube generate -f db.yaml db", "of a container"],
  ],
};

export async function generate(argv: readonly string[]): Promise<number> {
  const args = await readCommand(GENERATE, argv);
  if (args === undefined) return 0;
  requireOperands(GENERATE, args, "pod or container");
  const { text, left } = generateKube(openStore().root, args.positionals);
  for (const what of left) warn(`${what} is not in the YAML, which has no word for it`);
  const file = last(args, "filename");
  if (file === undefined || file === "-") writeAll(1, text);
  else writeText(file, text, { exclusive: true });
  return 0;
}
