/** runc's global flags, and what every command of the runtime needs from them. */
import { TsboxError } from "../../error.ts";
import type { CgroupManager, LogTarget } from "../../runtime/lifecycle/index.ts";
import { type CommandDefinition, isOn, last, parseArgs } from "../args.ts";

export interface Globals {
  /** Folder of all states. */
  readonly root: string;
  readonly cgroupManager: CgroupManager;
  readonly log: LogTarget;
}

export const OCI: CommandDefinition = {
  name: "oci",
  description:
    "The OCI runtime, with runc's command line. Also meant by --bundle, by a link named runc or crun, and by runc's global flags.",
  operands: "COMMAND [ARG...]",
  flags: {
    root: {
      type: "string",
      description: "Folder of the containers' states (/run/tsbox, or below $XDG_RUNTIME_DIR)",
      valueHint: "DIR",
    },
    log: { type: "string", description: "Write failures to this file too", valueHint: "FILE" },
    "log-format": { type: "string", description: "text or json", valueHint: "FORMAT" },
    "log-level": { type: "string", description: "debug, info, warn or error", valueHint: "LEVEL" },
    debug: { type: "boolean", description: "As --log-level=debug" },
    "systemd-cgroup": { type: "boolean", description: "As --cgroup-manager=systemd" },
    "cgroup-manager": { type: "string", description: "cgroupfs, systemd or disabled", valueHint: "NAME" },
    rootless: { type: "string", description: "Ignored: tsbox looks itself (true, false, auto)", valueHint: "BOOL" },
    criu: { type: "string", description: "Ignored: criu is looked for in PATH", valueHint: "PATH" },
    version: { type: "boolean", alias: "v", description: "Show the version, as podman and dockerd read it" },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  examples: [
    ["tsbox oci create --bundle DIR ID", "as runc create"],
    ["podman --runtime $(which tsbox) run IMAGE", "tsbox beneath podman"],
  ],
};

const MANAGERS: readonly string[] = ["cgroupfs", "systemd", "disabled"];

export interface RuntimeCall {
  readonly globals: Globals;
  readonly command: string | undefined;
  readonly args: readonly string[];
  readonly wants: "help" | "version" | undefined;
}

/** @throws TsboxError `usage` */
export function readCall(argv: readonly string[], defaultRoot: () => string): RuntimeCall {
  const parsed = parseArgs(OCI, argv, true);
  const [command, ...args] = parsed.positionals;
  const manager = isOn(parsed, "systemd-cgroup") ? "systemd" : (last(parsed, "cgroup-manager") ?? "cgroupfs");
  if (!MANAGERS.includes(manager))
    throw new TsboxError("usage", `cannot use --cgroup-manager=${manager}: it is one of ${MANAGERS.join(", ")}`);
  const format = last(parsed, "log-format") ?? "text";
  if (format !== "text" && format !== "json")
    throw new TsboxError("usage", `cannot use --log-format=${format}: it is text or json`);
  const root = last(parsed, "root") || defaultRoot();
  const level = isOn(parsed, "debug") ? "debug" : (last(parsed, "log-level") ?? "error");
  const path = last(parsed, "log");
  return {
    globals: {
      root: absolute(root),
      cgroupManager: manager as CgroupManager, // cast: one of MANAGERS
      log: { path: path ? absolute(path) : undefined, format, level },
    },
    command,
    args,
    wants: isOn(parsed, "version") ? "version" : isOn(parsed, "help") ? "help" : undefined,
  };
}

/** Of a path as the caller wrote it. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : `${process.cwd()}/${path}`;
}
