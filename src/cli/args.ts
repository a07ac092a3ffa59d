/**
 * Command lines. Arguments are declared as citty's (`ArgsDef`), which renders the help; parsing is ours, because citty reads on
 * past an image's name (`run alpine ls -l` would lose its `-l`), keeps only the last of repeated flags and exits on its own.
 */
import type { ArgsDef } from "citty";
import { TsboxError } from "../error.ts";
import { isTerminal } from "../linux/terminal.ts";

export interface FlagDefinition {
  readonly type: "boolean" | "string";
  readonly alias?: string | undefined;
  readonly description: string;
  /** Placeholder in the help: `NAME=VALUE`. */
  readonly valueHint?: string;
  /** May be given several times; otherwise the last one counts, as Docker has it. */
  readonly repeated?: boolean;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

export interface ParsedArgs {
  /** By long name, in the order given; booleans as "true" and "false". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** Those of the command line alone, where `flags` has defaults of the configuration as well. */
  readonly typed?: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  /** What stands behind the flags in the usage line: `IMAGE [COMMAND [ARG...]]`. */
  readonly operands: string;
  readonly flags: FlagDefinitions;
  readonly examples: readonly (readonly [command: string, what: string])[];
}

function usage(command: CommandDefinition, reason: string): TsboxError {
  return new TsboxError("usage", `cannot read the command line of tsbox ${command.name}: ${reason}`);
}

/** The name that needs the fewest changes to become one of `candidates`, if it is a likely slip. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const changes = distance(name, candidate);
    if (changes < fewest) [best, fewest] = [candidate, changes];
  }
  return best;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Docker's older names, which its help hides and people still write. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["net", "network"],
  ["dns-opt", "dns-option"],
]);

const TRUE = ["true", "1", "t", "T", "TRUE", "True"];
const FALSE = ["false", "0", "f", "F", "FALSE", "False"];

/**
 * @param stopAtOperand everything from the first operand on is an operand, flags included: it belongs to the container
 * @throws TsboxError `usage` naming the flag, with the nearest one that exists
 */
export function parseArgs(command: CommandDefinition, argv: readonly string[], stopAtOperand = false): ParsedArgs {
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  const put = (name: string, value: string) => {
    const values = flags.get(name);
    if (values === undefined || !command.flags[name]?.repeated) flags.set(name, [value]);
    else values.push(value);
  };
  let i = 0;
  const takeValue = (shown: string): string => {
    i++;
    const value = argv[i];
    if (value === undefined) throw usage(command, `${shown} needs a value`);
    return value;
  };
  for (; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const written = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const name = SYNONYMS.get(written) ?? written;
      const given = equals < 0 ? undefined : word.slice(equals + 1);
      const definition = Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
      if (definition === undefined) throw unknown(command, `--${written}`);
      if (definition.type === "string") put(name, given ?? takeValue(`--${name}`));
      else put(name, boolean(command, `--${name}`, given));
    } else if (word.startsWith("-") && word !== "-") {
      i = shorts(command, word, put, takeValue, i) ?? i;
    } else {
      positionals.push(word);
      if (!stopAtOperand) continue;
      positionals.push(...argv.slice(i + 1));
      break;
    }
  }
  return { flags, positionals };

  function shorts(
    definition: CommandDefinition,
    word: string,
    set: typeof put,
    value: typeof takeValue,
    at: number,
  ): number {
    for (let c = 1; c < word.length; c++) {
      const letter = word[c] ?? "";
      const entry = Object.entries(definition.flags).find(([, flag]) => flag.alias === letter);
      if (entry === undefined) throw unknown(definition, `-${letter}`);
      const [name, flag] = entry;
      const rest = word.slice(c + 1);
      if (flag.type === "string") {
        set(name, rest === "" ? value(`-${letter}`) : rest.startsWith("=") ? rest.slice(1) : rest);
        return i;
      }
      if (rest.startsWith("=")) {
        set(name, boolean(definition, `-${letter}`, rest.slice(1)));
        return at;
      }
      set(name, "true");
    }
    return at;
  }
}

function boolean(command: CommandDefinition, shown: string, given: string | undefined): string {
  if (given === undefined || TRUE.includes(given)) return "true";
  if (FALSE.includes(given)) return "false";
  throw usage(command, `${shown}=${given} is neither true nor false`);
}

/** Flags that Docker has and tsbox has not built are named as such, so that nobody wonders about a typing error. */
const NOT_BUILT = `--link --ip6 --gpus --runtime --isolation
  --cgroup-parent --oom-kill-disable
  --storage-opt --attach -a --sig-proxy --volume-driver --kernel-memory
  --device-cgroup-rule --systemd --tz --timezone --env-host --http-proxy --uidmap --gidmap --subuidname
  --cpu-rt-period --cpu-rt-runtime --device-read-bps --device-read-iops --device-write-bps --device-write-iops
  --memory-swappiness --link-local-ip --use-api-socket --blkio-weight-device --rdt-class`;

function unknown(command: CommandDefinition, shown: string): TsboxError {
  if (NOT_BUILT.split(/\s+/).includes(shown))
    return new TsboxError("unsupported", `cannot use ${shown}: tsbox ${command.name} has not built it yet`);
  const near = nearest(
    shown,
    Object.keys(command.flags).map((name) => `--${name}`),
  );
  const hint =
    near === undefined || !shown.startsWith("--") ? `see tsbox ${command.name} --help` : `did you mean ${near}?`;
  return usage(command, `there is no flag ${shown}; ${hint}`);
}

/** The last value of a flag. */
export function last(args: ParsedArgs, name: string): string | undefined {
  return args.flags.get(name)?.at(-1);
}

export function isOn(args: ParsedArgs, name: string): boolean {
  return last(args, name) === "true";
}

export function all(args: ParsedArgs, name: string): readonly string[] {
  return args.flags.get(name) ?? [];
}

/** Commands that Docker and runc have; see oci/recognise.ts. */
const IN_BOTH_WORLDS = ["run", "create", "start", "kill", "exec", "ps", "pause", "update", "events"];

/** The help text, rendered by citty, which colours it whoever reads; that is undone here where it is not for a terminal. */
export async function helpText(command: CommandDefinition): Promise<string> {
  const { renderUsage } = await import("citty");
  const args: ArgsDef = {};
  for (const [name, { type, alias, description, valueHint }] of Object.entries(command.flags)) {
    args[name] = {
      type,
      description,
      ...(alias === undefined ? {} : { alias }),
      ...(valueHint === undefined ? {} : { valueHint }),
    };
  }
  const meta = { name: `tsbox ${command.name}`, description: command.description };
  const rendered = (await renderUsage({ meta, args })).replace(/ +$/gm, "");
  const text = isTerminal(1) && !process.env.NO_COLOR ? rendered : Bun.stripANSI(rendered);
  const examples = command.examples.map(([line, what]) => `  ${line.padEnd(49)}  ${what}`.trimEnd()).join("\n");
  const usageLine = text.replace(
    /(USAGE.*?\[OPTIONS\]) ?(.*)\n/,
    (_, start, end) => `${`${start} ${command.operands}${end}`.trimEnd()}\n`,
  );
  const other = IN_BOTH_WORLDS.includes(command.name)
    ? `\nFor a container that was made from a bundle this is the runtime's command: tsbox oci ${command.name} --help\n`
    : "";
  return `${usageLine.trimEnd()}\n${examples === "" ? "" : `\nEXAMPLES\n\n${examples}\n`}${other}`;
}
