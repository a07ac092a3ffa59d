/** `exec` */
import { TsboxError } from "../../error.ts";
import type { Process } from "../../oci/index.ts";
import { execInContainer, readProcess } from "../../runtime/lifecycle/index.ts";
import { absolute, type Globals } from "./globals.ts";
import {
  all,
  type CommandDefinition,
  HELP,
  isOn,
  last,
  listenFds,
  type ParsedArgs,
  readRuntimeCommand,
  wholeNumber,
} from "./operands.ts";

export const EXEC: CommandDefinition = {
  name: "oci exec",
  description: "Run another process in a container.",
  operands: "ID COMMAND [ARG...]",
  flags: {
    process: {
      type: "string",
      alias: "p",
      description: "JSON file with the process, as config.json has it",
      valueHint: "FILE",
    },
    detach: { type: "boolean", alias: "d", description: "Do not wait for its end" },
    tty: { type: "boolean", alias: "t", description: "Give it a terminal" },
    "console-socket": { type: "string", description: "Unix socket that receives the terminal", valueHint: "PATH" },
    "pidfd-socket": {
      type: "string",
      description: "Unix socket that receives a pidfd of the process",
      valueHint: "PATH",
    },
    "pid-file": { type: "string", description: "Write the pid to this file", valueHint: "FILE" },
    cwd: { type: "string", description: "Working folder in the container", valueHint: "DIR" },
    env: { type: "string", alias: "e", description: "Set a variable", valueHint: "NAME=VALUE", repeated: true },
    user: { type: "string", alias: "u", description: "Numbers of user and group", valueHint: "UID[:GID]" },
    "additional-gids": { type: "string", alias: "g", description: "A group to join", valueHint: "GID", repeated: true },
    cap: { type: "string", alias: "c", description: "A capability to add", valueHint: "CAP", repeated: true },
    "no-new-privs": { type: "boolean", description: "Set no_new_privs" },
    apparmor: { type: "string", description: "AppArmor profile", valueHint: "PROFILE" },
    "process-label": { type: "string", description: "SELinux label", valueHint: "LABEL" },
    "preserve-fds": { type: "string", description: "Descriptors from 3 on that the program keeps", valueHint: "N" },
    cgroup: { type: "string", description: "A cgroup below the container's", valueHint: "PATH" },
    "ignore-paused": { type: "boolean", description: "Also in a paused container, where it waits" },
    ...HELP,
  },
  examples: [["tsbox oci exec -t box sh", ""]],
};

export async function exec(argv: readonly string[], { root, log }: Globals): Promise<number> {
  const args = await readRuntimeCommand(EXEC, argv, true);
  if (args === undefined) return 0;
  const [id, ...command] = args.positionals;
  if (id === undefined) throw new TsboxError("usage", "cannot run tsbox oci exec: no container id given");
  const file = last(args, "process");
  if (file === undefined && command.length === 0)
    throw new TsboxError("usage", "cannot run tsbox oci exec: no command given");
  const given = file === undefined ? undefined : await readProcess(absolute(file));
  const path = (name: string) => {
    const value = last(args, name);
    return value === undefined || value === "" ? undefined : absolute(value);
  };
  return await execInContainer({
    root,
    log,
    id,
    process: ({ process }) => given ?? changed(process, args, command),
    detach: isOn(args, "detach"),
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    pidfdSocket: path("pidfd-socket"),
    preserveFds: wholeNumber(last(args, "preserve-fds") ?? "0", "--preserve-fds") + listenFds(process.env),
    cgroup: cgroupBelow(last(args, "cgroup")),
    ignorePaused: isOn(args, "ignore-paused"),
  });
}

/** The container's own process with what the flags change. A terminal is only for whoever asks for one. */
function changed(base: Process | undefined, args: ParsedArgs, command: readonly string[]): Process {
  const process = base ?? { cwd: "/", user: { uid: 0, gid: 0 } };
  const added = all(args, "cap").map((name) => (name.startsWith("CAP_") ? name : `CAP_${name}`));
  const gids = all(args, "additional-gids").map((text) => wholeNumber(text, "--additional-gids"));
  const [apparmor, label] = [last(args, "apparmor"), last(args, "process-label")];
  return {
    ...process,
    args: command,
    terminal: isOn(args, "tty"),
    cwd: last(args, "cwd") ?? process.cwd,
    env: [...(process.env ?? []), ...all(args, "env")],
    user: { ...userOf(last(args, "user"), process.user), ...(gids.length > 0 ? { additionalGids: gids } : {}) },
    ...(added.length > 0 ? { capabilities: withCapabilities(process.capabilities ?? {}, added) } : {}),
    ...(isOn(args, "no-new-privs") ? { noNewPrivileges: true } : {}),
    ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }),
    ...(label === undefined ? {} : { selinuxLabel: label }),
  };
}

function withCapabilities(sets: NonNullable<Process["capabilities"]>, added: readonly string[]): typeof sets {
  const joined = (names: readonly string[] | undefined) => [...new Set([...(names ?? []), ...added])];
  return {
    bounding: joined(sets.bounding),
    effective: joined(sets.effective),
    permitted: joined(sets.permitted),
    inheritable: sets.inheritable ?? [],
    ambient: sets.ambient ?? [],
  };
}

function userOf(text: string | undefined, base: Process["user"]): Process["user"] {
  if (text === undefined) return base;
  const [uid = "", gid, more] = text.split(":");
  if (more !== undefined) throw new TsboxError("usage", `cannot use --user=${text}: it is UID or UID:GID`);
  return {
    ...base,
    uid: wholeNumber(uid, "--user"),
    ...(gid === undefined ? {} : { gid: wholeNumber(gid, "--user") }),
  };
}

/** Only below: the container's limits hold for what is started in it. */
function cgroupBelow(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const path = text.includes(":") ? text.slice(text.indexOf(":") + 1) : text;
  if (path.split("/").includes(".."))
    throw new TsboxError("usage", `cannot use --cgroup=${text}: it is not below the container's`);
  return path.replace(/^\/+/, "");
}
