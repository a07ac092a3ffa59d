/** `tsbox version` and `tsbox --version`: three lines, as podman and dockerd read them from a runtime. */
import { version as number } from "../../package.json";
import type { CommandDefinition } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";

export const VERSION: CommandDefinition = {
  name: "version",
  description: "Show the version, the commit it was built from, and that of the runtime specification.",
  operands: "",
  flags: { ...HELP },
  examples: [["tsbox version", "also tsbox --version"]],
};

/** Put here by `scripts/build.ts`. */
declare const TSBOX_COMMIT: string | undefined;

/** @throws TsboxError `usage` */
export async function version(argv: readonly string[] = []): Promise<number> {
  const args = await readCommand(VERSION, argv);
  if (args === undefined) return 0;
  refuseOperands(VERSION, args);
  const commit = typeof TSBOX_COMMIT === "string" ? TSBOX_COMMIT : "unknown";
  console.log(`tsbox version ${number}\ncommit: ${commit}\nspec: 1.3.0`);
  return 0;
}
