/** `restore` */
import { CRIU_FLAGS, criuOptions } from "./checkpoint.ts";
import { absolute, type Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, isOn, last, readRuntimeCommand } from "./operands.ts";
import { warn } from "./report.ts";

export const RESTORE: CommandDefinition = {
  name: "oci restore",
  description: "Make a container from what checkpoint wrote; its processes go on where they were.",
  operands: "ID",
  flags: {
    ...CRIU_FLAGS,
    bundle: {
      type: "string",
      alias: "b",
      description: "Folder with config.json (the working folder)",
      valueHint: "DIR",
    },
    "console-socket": { type: "string", description: "Unix socket that receives the terminal", valueHint: "PATH" },
    "pid-file": { type: "string", description: "Write the pid to this file", valueHint: "FILE" },
    "lsm-profile": { type: "string", description: "Another security profile", valueHint: "TYPE:NAME" },
    "lsm-mount-context": { type: "string", description: "Another security context of mounts", valueHint: "CONTEXT" },
    detach: { type: "boolean", alias: "d", description: "Do not wait for the end" },
    "no-subreaper": { type: "boolean", description: "Accepted: tsbox never is one" },
    "no-pivot": { type: "boolean", description: "Accepted: CRIU moves the root" },
    ...HELP,
  },
  examples: [["tsbox oci restore --detach --bundle DIR --image-path /var/tmp/box box", ""]],
};

export async function restore(argv: readonly string[], globals: Globals): Promise<number> {
  const args = await readRuntimeCommand(RESTORE, argv);
  if (args === undefined) return 0;
  const path = (name: string) => {
    const value = last(args, name);
    return value ? absolute(value) : undefined;
  };
  const { restoreContainer } = await import("../../runtime/lifecycle/index.ts");
  return await restoreContainer({
    ...criuOptions(args),
    ...globals,
    id: containerId(args, RESTORE),
    bundle: (path("bundle") ?? process.cwd()).replace(/(?<=.)\/+$/, ""),
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    lsmProfile: last(args, "lsm-profile") || undefined,
    lsmMountContext: last(args, "lsm-mount-context") || undefined,
    detach: isOn(args, "detach"),
    warn: warn(globals.log),
  });
}
