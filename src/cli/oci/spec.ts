/** `spec`: a config.json to begin with. */
import { TsboxError } from "../../error.ts";
import { reasonOf } from "../../linux/errno.ts";
import { writeText } from "../../linux/write-text.ts";
import { exampleConfig } from "../../runtime/lifecycle/index.ts";
import { absolute } from "./globals.ts";
import { type CommandDefinition, HELP, isOn, last, readRuntimeCommand, refuseOperands } from "./operands.ts";

export const SPEC: CommandDefinition = {
  name: "oci spec",
  description: "Write a config.json that runs sh, into the bundle's folder.",
  operands: "",
  flags: {
    bundle: { type: "string", alias: "b", description: "Folder to write to (the working folder)", valueHint: "DIR" },
    rootless: { type: "boolean", description: "For a user without root" },
    ...HELP,
  },
  examples: [["tsbox oci spec --rootless", ""]],
};

export async function spec(argv: readonly string[]): Promise<number> {
  const args = await readRuntimeCommand(SPEC, argv);
  if (args === undefined) return 0;
  refuseOperands(args, SPEC);
  const path = `${absolute(last(args, "bundle") ?? "").replace(/\/+$/, "")}/config.json`;
  try {
    writeText(path, `${JSON.stringify(await exampleConfig(isOn(args, "rootless")), undefined, "\t")}\n`, {
      exclusive: true,
    });
  } catch (cause) {
    throw new TsboxError("exists", `cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
  return 0;
}
