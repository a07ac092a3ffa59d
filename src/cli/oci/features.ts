/** `features`: what this runtime can do. runtime-spec features.md */
import { writeAll } from "../../linux/write-text.ts";
import { runtimeFeatures } from "../../runtime/lifecycle/index.ts";
import { type CommandDefinition, HELP, readRuntimeCommand, refuseOperands } from "./operands.ts";

export const FEATURES: CommandDefinition = {
  name: "oci features",
  description: "Print what this runtime supports, as JSON.",
  operands: "",
  flags: HELP,
  examples: [],
};

export async function features(argv: readonly string[]): Promise<number> {
  const args = await readRuntimeCommand(FEATURES, argv);
  if (args === undefined) return 0;
  refuseOperands(args, FEATURES);
  writeAll(1, `${JSON.stringify(await runtimeFeatures(), undefined, 2)}\n`);
  return 0;
}
