/** `checkpoint` */
import { TsboxError } from "../../error.ts";
import type { FlagDefinitions } from "../args.ts";
import { absolute, type Globals } from "./globals.ts";
import {
  all,
  type CommandDefinition,
  containerId,
  HELP,
  isOn,
  last,
  type ParsedArgs,
  readRuntimeCommand,
} from "./operands.ts";
import { warn } from "./report.ts";

/** What `checkpoint` and `restore` have in common. */
export const CRIU_FLAGS: FlagDefinitions = {
  "image-path": { type: "string", description: "Folder of the images (./checkpoint)", valueHint: "DIR" },
  "work-path": { type: "string", description: "Folder of CRIU's logs (that of the images)", valueHint: "DIR" },
  "tcp-established": { type: "boolean", description: "With open TCP connections" },
  "ext-unix-sk": { type: "boolean", description: "With connections to Unix sockets outside" },
  "shell-job": { type: "boolean", description: "With a terminal that is the caller's" },
  "file-locks": { type: "boolean", description: "With locks on files" },
  "auto-dedup": { type: "boolean", description: "Free memory pages that an earlier checkpoint has too" },
  "lazy-pages": { type: "boolean", description: "Not built: an error that says so" },
  "manage-cgroups-mode": {
    type: "string",
    description: "soft, full, strict, ignore, none, cpuset or props (soft)",
    valueHint: "MODE",
  },
  "empty-ns": {
    type: "string",
    description: "A namespace to be made anew: network",
    valueHint: "TYPE",
  },
};

export const CHECKPOINT: CommandDefinition = {
  name: "oci checkpoint",
  description: "Write a running container to a folder, with CRIU, and end it.",
  operands: "ID",
  flags: {
    ...CRIU_FLAGS,
    "leave-running": { type: "boolean", description: "The container goes on" },
    "parent-path": { type: "string", description: "Earlier checkpoint, seen from --image-path", valueHint: "DIR" },
    "pre-dump": { type: "boolean", description: "Only memory, for one that follows; the container goes on" },
    "page-server": { type: "string", description: "Send memory to a CRIU page server", valueHint: "ADDRESS:PORT" },
    "status-fd": { type: "string", description: "Not built: an error that says so", valueHint: "FD" },
    "link-remap": { type: "boolean", description: "With open files that were removed" },
    ...HELP,
  },
  examples: [
    [
      "tsbox oci checkpoint --image-path /var/tmp/box box",
      "then: tsbox oci restore --bundle DIR --image-path /var/tmp/box box",
    ],
  ],
};

/** @throws TsboxError `unsupported` for what is not built */
export function criuOptions(args: ParsedArgs) {
  if (isOn(args, "lazy-pages")) throw notBuilt("--lazy-pages");
  const path = (name: string) => {
    const value = last(args, name);
    return value ? absolute(value) : undefined;
  };
  return {
    imagePath: path("image-path") ?? absolute("checkpoint"),
    workPath: path("work-path"),
    tcpEstablished: isOn(args, "tcp-established"),
    extUnixSk: isOn(args, "ext-unix-sk"),
    shellJob: isOn(args, "shell-job"),
    fileLocks: isOn(args, "file-locks"),
    autoDedup: isOn(args, "auto-dedup"),
    linkRemap: isOn(args, "link-remap"),
    manageCgroupsMode: last(args, "manage-cgroups-mode"),
    emptyNs: all(args, "empty-ns"),
  };
}

function notBuilt(flag: string): TsboxError {
  return new TsboxError("unsupported", `cannot use ${flag}: tsbox has not built it yet`);
}

export async function checkpoint(argv: readonly string[], { root, log }: Globals): Promise<number> {
  const args = await readRuntimeCommand(CHECKPOINT, argv);
  if (args === undefined) return 0;
  if (last(args, "status-fd")) throw notBuilt("--status-fd");
  const { checkpointContainer } = await import("../../runtime/lifecycle/index.ts");
  await checkpointContainer({
    ...criuOptions(args),
    root,
    id: containerId(args, CHECKPOINT),
    leaveRunning: isOn(args, "leave-running"),
    preDump: isOn(args, "pre-dump"),
    parentPath: last(args, "parent-path") || undefined,
    pageServer: last(args, "page-server") || undefined,
    warn: warn(log),
  });
  return 0;
}
