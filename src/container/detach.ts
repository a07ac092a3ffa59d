/** A container that outlives the command that starts it: the options of its monitor. */
import { TsboxError } from "../error.ts";
import { exists } from "../linux/read-text.ts";
import { type TerminalSize, terminalSize } from "../linux/terminal.ts";
import { makeFolder, writeText } from "../linux/write-text.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import { type AttachedClient, compileDetached, type LogDriver } from "../runtime/index.ts";
import { type ContainerRecord, ownedVolumes } from "./folder.ts";
import { healthCheck } from "./health.ts";
import { prepareLaunch } from "./launch.ts";
import type { Container } from "./make.ts";
import type { LogOptions } from "./spec/options.ts";

export interface DetachMode {
  /** Printed when the program runs. */
  readonly print: string | undefined;
  /** The command that starts it stays as the first client. */
  readonly client: AttachedClient | undefined;
  /** The client of its last run stays with it. */
  readonly keptClient?: { readonly owns: boolean; readonly size: TerminalSize | undefined } | undefined;
  /** Only print the plan. */
  readonly explain?: boolean;
  /** Whether the container stays when it cannot be started. */
  readonly keep: boolean;
}

const JOURNAL = "/run/systemd/journal/socket";

/** @returns the plan that starts the monitor. @throws TsboxError */
export async function detachedPlanOf(container: Container, mode: DetachMode): Promise<Uint8Array> {
  const { record, options, store, folder } = container;
  const log = logDriver(record, options.log, folder);
  const { served, perRun, whole, cleanup } = await prepareLaunch(container, {
    ownCgroup: true,
    explain: mode.explain === true,
  });
  const owned = ownedVolumes(store, record, whole);
  const restarts = record.restart !== undefined && record.restart.name !== "no";
  return await compileDetached({
    ...served,
    config: withSize(served.config, mode),
    log,
    print: mode.print,
    client: mode.client,
    keptClient: mode.keptClient,
    // as Docker: what is typed ends with who types it, unless the container was detached from the start
    inputOnce: options.interactive && !options.detach,
    remove: record.remove && owned === undefined ? [...perRun, ...whole] : perRun,
    owned,
    cleanup,
    health: healthCheck(options, container.defaults, `${folder}/health.json`),
    afterExit: restarts ? { command: ["__after-exit", store, record.id], env: savedEnvironment() } : undefined,
    failure: ["__start-failure", store, record.id, mode.keep ? "keep" : "discard"],
  });
}

/** The program finds the person's window from the first moment. */
function withSize(config: RuntimeConfig, { client, keptClient }: DetachMode): RuntimeConfig {
  const { process } = config;
  if (process?.terminal !== true) return config;
  const size = client === undefined ? keptClient?.size : (terminalSize(0) ?? terminalSize(1));
  if (size === undefined) return config;
  return { ...config, process: { ...process, consoleSize: { height: size.rows, width: size.columns } } };
}

/** Where its output goes; the files for it are made. */
function logDriver(record: ContainerRecord, options: LogOptions, folder: string): LogDriver {
  if (options.driver === "none") return { driver: "none" };
  if (options.driver === "journald") {
    if (!exists(JOURNAL))
      throw new TsboxError(
        "host",
        "cannot use --log-driver=journald: there is no journal here (/run/systemd/journal/socket)",
      );
    const fields = {
      CONTAINER_ID: record.id.slice(0, 12),
      CONTAINER_ID_FULL: record.id,
      CONTAINER_NAME: record.name ?? "",
      CONTAINER_TAG: options.tag ?? record.id.slice(0, 12),
      SYSLOG_IDENTIFIER: options.tag ?? record.id.slice(0, 12),
      IMAGE_NAME: record.image ?? "",
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}\n`);
    return { driver: "journald", socket: JOURNAL, fields: lines.join("") };
  }
  const path = `${folder}/log/container.log`;
  makeFolder(`${folder}/log`, 0o700);
  // its blocks are there before the disk is full
  const lost = `${folder}/log/lost`;
  if (!exists(lost)) writeText(lost, "\0".repeat(16), { mode: 0o600 });
  const older = Array.from({ length: Math.max(options.maxFile, 1) - 1 }, (_, i) => `${path}.${i + 1}`);
  return { driver: "json-file", paths: [path, ...older], maxSize: options.maxSize, lost };
}

/** What a restart needs of the environment in which the container was started. */
export function savedEnvironment(): string[] {
  return ["PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TSBOX_ROOT", "TSBOX_CONFIG"].flatMap(
    (name) => {
      const value = process.env[name];
      return value === undefined ? [] : [`${name}=${value}`];
    },
  );
}
