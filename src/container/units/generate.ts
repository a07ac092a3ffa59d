/** `tsbox generate systemd`: units for containers and pods that are there. */
import { TsboxError } from "../../error.ts";
import type { ContainerRecord } from "../folder.ts";
import type { RunOptions } from "../spec/options.ts";
import { CLEAN_UP_TIME, successStatuses, tsboxCommand } from "./service.ts";
import { joinWords, literalValue, literalWord, renderUnit } from "./unit-file.ts";

export const RESTART_POLICIES = [
  "no",
  "on-success",
  "on-failure",
  "on-abnormal",
  "on-watchdog",
  "on-abort",
  "always",
] as const;

export interface GenerateOptions {
  /** Units are named by name; otherwise by id. */
  readonly names: boolean;
  /** Each start makes a new container, and removes the old one. */
  readonly anew: boolean;
  /** Undefined: that of the container, or `on-failure`. */
  readonly restart: (typeof RESTART_POLICIES)[number] | undefined;
  /** Seconds. */
  readonly restartDelay: number | undefined;
  readonly startTimeout: number | undefined;
  readonly stopTimeout: number | undefined;
  readonly containerPrefix: string;
  readonly podPrefix: string;
  readonly separator: string;
  readonly wants: readonly string[];
  readonly after: readonly string[];
  readonly requires: readonly string[];
  /** `NAME=VALUE` */
  readonly env: readonly string[];
  /** The first line says when it was made. */
  readonly header: boolean;
}

/** The command line of `run` or `create`, as it was parsed. */
export interface TypedCommand {
  /** By long name, booleans as "true" and "false". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  readonly folder: string;
}

export interface GeneratedUnit {
  /** With `.service`. */
  readonly file: string;
  readonly text: string;
}

const DEFAULT_STOP = 10;

/** Flags that the unit decides. */
const OWN_FLAGS = ["detach", "rm", "replace", "name", "cidfile", "restart", "sdnotify", "cgroups", "help", "quiet"];

/** @throws TsboxError `usage` for a container of which no unit can be made */
export function containerUnit(
  store: string,
  record: ContainerRecord,
  saved: RunOptions,
  typed: TypedCommand | undefined,
  options: GenerateOptions,
): GeneratedUnit {
  const name = record.name ?? record.id;
  const shown = options.names ? name : record.id;
  const unit = [options.containerPrefix, shown].filter(Boolean).join(options.separator);
  const stop = options.stopTimeout ?? record.stopTimeout ?? DEFAULT_STOP;
  const tsbox = tsboxCommand();
  const command = (...words: string[]) => joinWords([...tsbox, ...words].map(literalWord));
  const reference = options.anew ? name : record.id;
  const start = options.anew ? newCommand(name, saved, typed) : ["start", reference];
  if (!options.anew && saved.sdnotify === "ignore")
    throw new TsboxError(
      "usage",
      `cannot make a unit for container ${name}: with --sdnotify=ignore systemd is never told that it runs; use --new`,
    );
  const folder = options.anew && typed !== undefined && typed.folder !== process.env.HOME ? typed.folder : undefined;
  const text = renderUnit(comments(unit, options), [
    ["Unit", unitLines(`Container ${name}, kept by tsbox`, store, options)],
    [
      "Service",
      [
        "Type=notify",
        // the monitor says it, not the command that starts it
        "NotifyAccess=all",
        "Environment=TSBOX_SYSTEMD_UNIT=%n",
        ...options.env.map((text) => `Environment=${joinWords([text.replaceAll("%", "%%")])}`),
        folder === undefined ? undefined : `WorkingDirectory=${literalValue(folder)}`,
        `Restart=${options.restart ?? restartOf(saved)}`,
        options.restartDelay === undefined ? undefined : `RestartSec=${options.restartDelay}`,
        successStatuses(record.stopSignal),
        options.startTimeout === undefined ? undefined : `TimeoutStartSec=${options.startTimeout}`,
        `TimeoutStopSec=${stop + CLEAN_UP_TIME}`,
        "KillMode=mixed",
        options.anew ? "Delegate=yes" : undefined,
        `ExecStart=${command(...start)}`,
        `ExecStop=${command("stop", "--ignore", "-t", String(stop), reference)}`,
        options.anew
          ? `ExecStopPost=-${command("rm", "-f", "-v", reference)}`
          : `ExecStopPost=${command("stop", "--ignore", "-t", String(stop), reference)}`,
      ],
    ],
    ["Install", ["WantedBy=default.target"]],
  ]);
  return { file: `${unit}.service`, text };
}

/** A pod's containers start and end with it, in one unit; their own restart policies count. */
export function podUnit(
  store: string,
  pod: { readonly id: string; readonly name: string },
  options: GenerateOptions,
): GeneratedUnit {
  if (options.anew)
    throw new TsboxError(
      "unsupported",
      `cannot use --new with pod ${pod.name}: tsbox makes no pods anew from units; use kube generate and a quadlet (.kube)`,
    );
  const unit = [options.podPrefix, options.names ? pod.name : pod.id].filter(Boolean).join(options.separator);
  const stop = options.stopTimeout ?? DEFAULT_STOP;
  const tsbox = tsboxCommand();
  const command = (...words: string[]) => joinWords([...tsbox, ...words].map(literalWord));
  const text = renderUnit(comments(unit, options), [
    ["Unit", unitLines(`Pod ${pod.name}, kept by tsbox`, store, options)],
    [
      "Service",
      [
        "Type=oneshot",
        "RemainAfterExit=yes",
        "Environment=TSBOX_SYSTEMD_UNIT=%n",
        ...options.env.map((text) => `Environment=${joinWords([text.replaceAll("%", "%%")])}`),
        options.startTimeout === undefined ? undefined : `TimeoutStartSec=${options.startTimeout}`,
        `TimeoutStopSec=${stop + CLEAN_UP_TIME}`,
        `ExecStart=${command("pod", "start", pod.id)}`,
        `ExecStop=${command("pod", "stop", "--ignore", "-t", String(stop), pod.id)}`,
      ],
    ],
    ["Install", ["WantedBy=default.target"]],
  ]);
  return { file: `${unit}.service`, text };
}

function comments(unit: string, { header }: GenerateOptions): string[] {
  return [`${unit}.service`, ...(header ? [`made by tsbox generate systemd, ${new Date().toISOString()}`] : [])];
}

function unitLines(description: string, store: string, { wants, after, requires }: GenerateOptions): string[] {
  return [
    `Description=${literalValue(description)}`,
    "Wants=network-online.target",
    "After=network-online.target",
    `RequiresMountsFor=${joinWords([literalWord(`${store}/containers`)])}`,
    ...wants.map((name) => `Wants=${name}`),
    ...after.map((name) => `After=${name}`),
    ...requires.map((name) => `Requires=${name}`),
  ];
}

/** systemd's words for a container's own policy. */
function restartOf({ restart }: RunOptions): string {
  if (restart === undefined) return "on-failure";
  return restart.name === "unless-stopped" ? "always" : restart.name;
}

function newCommand(name: string, saved: RunOptions, typed: TypedCommand | undefined): string[] {
  if (typed === undefined)
    throw new TsboxError(
      "usage",
      `cannot use --new with container ${name}: how it was made is not written down (by kube play, commit or an older tsbox)`,
    );
  const notify = saved.sdnotify === "container" || saved.sdnotify === "healthy" ? saved.sdnotify : "conmon";
  const cgroups = saved.cgroups === "disabled" ? "disabled" : "split";
  const flags = [...typed.flags].flatMap(([flag, values]) =>
    OWN_FLAGS.includes(flag) ? [] : values.map((value) => `--${flag}=${value}`),
  );
  return [
    ...["run", "-d", "--rm", "--replace", `--name=${name}`, `--sdnotify=${notify}`, `--cgroups=${cgroups}`],
    ...flags,
    ...typed.positionals,
  ];
}
