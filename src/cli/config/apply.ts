/**
 * The configuration files: `/etc/tsbox/config.toml` of the machine and `$XDG_CONFIG_HOME/tsbox/config.toml` of the person, or the one
 * file that `$TSBOX_CONFIG` names. This much is on the way of every start, so it only looks whether they are there; `load.ts` reads
 * them. tsbox(5) has the keys.
 */
import { TsboxError } from "../../error.ts";
import { exists } from "../../linux/read-text.ts";
import type { CommandDefinition, ParsedArgs } from "../args.ts";

/** What the files say, in the forms in which it is used. */
export interface Config {
  /** Flags of `run` by long name, as a command line would have them. */
  readonly run: ReadonlyMap<string, readonly string[]>;
  /** Variables by which the rest of tsbox is told; what the environment has already counts more. */
  readonly variables: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

let applied: Config | undefined;

/**
 * The files that are there; the later ones count more.
 * @throws TsboxError `not-found` when `$TSBOX_CONFIG` names none
 */
export function configFiles(env: Environment, machine = "/etc/tsbox/config.toml"): readonly string[] {
  const named = env.TSBOX_CONFIG;
  if (named === "") return [];
  if (named !== undefined) {
    if (exists(named)) return [named];
    throw new TsboxError(
      "not-found",
      `cannot read the configuration ${named}, which TSBOX_CONFIG names: it is not there`,
    );
  }
  // a relative one does not count (XDG base directory specification)
  const folder = env.XDG_CONFIG_HOME?.startsWith("/")
    ? env.XDG_CONFIG_HOME
    : env.HOME
      ? `${env.HOME}/.config`
      : undefined;
  const files = exists(machine) ? [machine] : [];
  const own = `${folder}/tsbox/config.toml`;
  return folder !== undefined && exists(own) ? [...files, own] : files;
}

/**
 * Makes what the files say count in this process.
 * @returns undefined when there is no file: nobody has to wait for that
 * @throws TsboxError `usage` naming file and line, also later
 */
export function applyConfig(): Promise<void> | undefined {
  const files = configFiles(process.env);
  return files.length === 0 ? undefined : applyFiles(files);
}

async function applyFiles(files: readonly string[]): Promise<void> {
  const { loadConfig } = await import("./load.ts");
  applied = loadConfig(files, process.env);
  for (const [name, value] of Object.entries(applied.variables)) process.env[name] ??= value;
}

/**
 * A command line with the files' defaults for what it does not say. Where a flag may be given several times, the files' values come
 * first and the command line's are added, as podman does with containers.conf.
 */
export function withDefaults(command: CommandDefinition, args: ParsedArgs, config = applied): ParsedArgs {
  if (config === undefined) return args;
  const flags = new Map(args.flags);
  for (const [name, values] of config.run) {
    const definition = Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
    const given = flags.get(name);
    if (definition === undefined || (given !== undefined && !definition.repeated)) continue;
    // options of one log driver mean nothing to another
    const driver = args.flags.get("log-driver")?.at(-1);
    if (name === "log-opt" && driver !== undefined && driver !== (config.run.get("log-driver")?.at(-1) ?? "json-file"))
      continue;
    flags.set(name, [...values, ...(given ?? [])]);
  }
  return { ...args, flags, typed: args.flags };
}
