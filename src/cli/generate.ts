/** `tsbox generate systemd` */

import { findContainer } from "../container/list.ts";
import { readOptions } from "../container/options-file.ts";
import { readRecord } from "../container/state.ts";
import {
  containerUnit,
  type GeneratedUnit,
  type GenerateOptions,
  podUnit,
  RESTART_POLICIES,
  type TypedCommand,
} from "../container/units/generate.ts";
import { TsboxError } from "../error.ts";
import { writeAll, writeText } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs, parseArgs } from "./args.ts";
import { HELP, readCommand, requireOperands } from "./command.ts";
import { type GroupDefinition, groupCommand } from "./group.ts";
import { RUN } from "./run-flags.ts";
import { parseSeconds } from "./run-stays.ts";

const text = (description: string, valueHint: string, alias?: string) =>
  ({ type: "string", description, valueHint, alias }) as const;
const list = (description: string, valueHint: string, alias?: string) =>
  ({ type: "string", description, valueHint, alias, repeated: true }) as const;

const SYSTEMD: CommandDefinition = {
  name: "generate systemd",
  description:
    "Print a unit of systemd that starts a container or pod, after a reboot too. With `loginctl enable-linger` your units start with the machine, and not when you log in.",
  operands: "CONTAINER|POD",
  flags: {
    new: { type: "boolean", description: "Make a new container at each start, and remove it at the end" },
    name: { type: "boolean", alias: "n", description: "Use names instead of ids" },
    files: { type: "boolean", alias: "f", description: "Write to files in this folder, and print their paths" },
    format: text("json: an object of file names and texts", "json"),
    "restart-policy": text(`When systemd starts it again: ${RESTART_POLICIES.join(", ")}`, "POLICY"),
    "restart-sec": text("Seconds that systemd waits before it does", "SECONDS"),
    time: text("Seconds to wait before killing (10)", "SECONDS", "t"),
    "stop-timeout": text("As --time", "SECONDS"),
    "start-timeout": text("Seconds in which it has to be up", "SECONDS"),
    "container-prefix": text("What names of units of containers begin with (container)", "TEXT"),
    "pod-prefix": text("What names of units of pods begin with (pod)", "TEXT"),
    separator: text("What is between that and the name (-)", "TEXT"),
    requires: list("A unit that it needs", "UNIT"),
    after: list("A unit that is started before it", "UNIT"),
    wants: list("A unit that is started with it", "UNIT"),
    env: list("An environment variable of the unit", "NAME=VALUE", "e"),
    "no-header": { type: "boolean", description: "Leave out when it was made" },
    ...HELP,
  },
  examples: [
    [
      "tsbox generate systemd --name web > ~/.config/systemd/user/web.service",
      "then: systemctl --user enable --now web",
    ],
    ["tsbox generate systemd --new --name --files web", "writes container-web.service"],
  ],
};

async function systemd(argv: readonly string[]): Promise<number> {
  const args = await readCommand(SYSTEMD, argv);
  if (args === undefined) return 0;
  requireOperands(SYSTEMD, args, "container or pod");
  if (args.positionals.length > 1)
    throw new TsboxError("usage", "cannot generate units of several containers at once: name one");
  const format = last(args, "format");
  if (format !== undefined && format !== "json")
    throw new TsboxError("usage", `cannot use --format ${format}: there is json`);
  const unit = await unitOf(args.positionals[0] ?? "", readOptionsOf(args));
  if (isOn(args, "files")) {
    const path = `${process.cwd()}/${unit.file}`;
    writeText(path, unit.text);
    writeAll(1, format === "json" ? `${JSON.stringify({ [unit.file]: path }, null, 2)}\n` : `${path}\n`);
  } else if (format === "json") writeAll(1, `${JSON.stringify({ [unit.file]: unit.text }, null, 2)}\n`);
  else writeAll(1, unit.text);
  return 0;
}

async function unitOf(operand: string, options: GenerateOptions): Promise<GeneratedUnit> {
  const store = openStore().root;
  let id: string;
  try {
    id = findContainer(store, operand);
  } catch (error) {
    if (!(error instanceof TsboxError) || error.code !== "not-found") throw error;
    const { findPod } = await import("../container/pods/index.ts");
    const pod = (() => {
      try {
        return findPod(store, operand);
      } catch {
        throw error;
      }
    })();
    return podUnit(store, pod, options);
  }
  const saved = readOptions(store, id).options;
  return containerUnit(store, readRecord(store, id), saved, typedCommand(saved.typed), options);
}

function typedCommand(
  typed: { readonly command: readonly string[]; readonly folder: string } | undefined,
): TypedCommand | undefined {
  if (typed === undefined) return undefined;
  const { flags, positionals } = parseArgs(RUN, typed.command.slice(1), true);
  return { flags, positionals, folder: typed.folder };
}

function readOptionsOf(args: ParsedArgs): GenerateOptions {
  const seconds = (name: string) => {
    const value = last(args, name);
    return value === undefined ? undefined : parseSeconds(value, `--${name}`);
  };
  const asked = last(args, "restart-policy");
  const restart = RESTART_POLICIES.find((name) => name === asked);
  if (asked !== undefined && restart === undefined)
    throw new TsboxError(
      "usage",
      `cannot use --restart-policy ${asked}: it is not one of ${RESTART_POLICIES.join(", ")}`,
    );
  return {
    names: isOn(args, "name"),
    anew: isOn(args, "new"),
    restart,
    restartDelay: seconds("restart-sec"),
    startTimeout: seconds("start-timeout"),
    stopTimeout: seconds("time") ?? seconds("stop-timeout"),
    containerPrefix: last(args, "container-prefix") ?? "container",
    podPrefix: last(args, "pod-prefix") ?? "pod",
    separator: last(args, "separator") ?? "-",
    wants: all(args, "wants"),
    after: all(args, "after"),
    requires: all(args, "requires"),
    env: all(args, "env"),
    header: !isOn(args, "no-header"),
  };
}

export const GENERATE: GroupDefinition = {
  name: "generate",
  description: "Make files for other programs out of containers.",
  commands: { systemd: { definition: SYSTEMD, run: systemd } },
};

export const generate = groupCommand(GENERATE);
