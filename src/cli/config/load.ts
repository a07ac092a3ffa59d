/** Reads configuration files. Loaded only when there is one. */
import * as v from "valibot";
import { isTsboxError, TsboxError } from "../../error.ts";
import { errnoText, SyscallError } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";
import { nearest, parseArgs } from "../args.ts";
import { RUN } from "../run-flags.ts";
import { readRunOptions } from "../run-options.ts";
import type { Config } from "./apply.ts";
import { lineOfError, lineOfKey } from "./lines.ts";
import { CONFIG, type ConfigFile, keysOf, NO_DEFAULT } from "./schema.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Path = readonly (string | number)[];

/**
 * @param files paths; the later ones count more, and add to the lists of the earlier ones
 * @throws TsboxError `usage` for a file that is not TOML, an unknown key or a value that a flag would refuse, naming file and line
 */
export function loadConfig(files: readonly string[], env: Environment): Config {
  const run = new Map<string, readonly string[]>();
  const variables: Record<string, string> = {};
  const insecure: string[] = [];
  const mirrors = new Map<string, readonly string[]>();
  for (const path of files) {
    const file = new Source(path);
    const config = file.read();
    for (const [name, values, key] of flagsOf(config)) {
      file.check(name, values, key, env);
      run.set(name, RUN.flags[name]?.repeated ? [...(run.get(name) ?? []), ...values] : values);
    }
    const root = config.storage?.root;
    if (root !== undefined) variables.TSBOX_ROOT = root.startsWith("~/") ? `${env.HOME ?? ""}${root.slice(1)}` : root;
    const subnets = config.network?.subnets;
    if (subnets !== undefined) variables.TSBOX_NETWORK_SUBNETS = file.checkSubnets(subnets).join(",");
    insecure.push(...(config.registries?.insecure ?? []));
    for (const [registry, hosts] of Object.entries(config.registries?.mirrors ?? {})) mirrors.set(registry, hosts);
  }
  if (insecure.length > 0) variables.TSBOX_INSECURE_REGISTRIES = insecure.join(",");
  if (mirrors.size > 0)
    variables.TSBOX_REGISTRY_MIRRORS = [...mirrors]
      .map(([registry, hosts]) => `${registry}=${hosts.join(",")}`)
      .join(";");
  return { run, variables };
}

/** All that a file says about flags of `run`, each with the key that says it. [run] comes last, because it is the most particular. */
function flagsOf(config: ConfigFile): (readonly [name: string, values: readonly string[], key: Path])[] {
  const { storage, network, log, run } = config;
  const one = (name: string, value: string | undefined, key: Path) =>
    value === undefined ? [] : [[name, [value], key] as const];
  const option = (name: "max-size" | "max-file") =>
    one("log-opt", log?.[name] && `${name}=${log[name][0]}`, ["log", name]);
  return [
    ...one("storage-driver", storage?.driver, ["storage", "driver"]),
    ...one("network", network?.default, ["network", "default"]),
    ...one("log-driver", log?.driver, ["log", "driver"]),
    ...option("max-size"),
    ...option("max-file"),
    ...Object.entries(run ?? {}).flatMap(([name, values]) =>
      values === undefined ? [] : [[name, values, ["run", name]] as const],
    ),
  ];
}

/** A file, and its complaints. */
class Source {
  readonly #path: string;
  readonly #text: string;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#text = readText(path);
    } catch (cause) {
      if (!(cause instanceof SyscallError)) throw cause;
      throw new TsboxError("io", `cannot read the configuration ${path}: ${errnoText(cause.errno)}`, { cause });
    }
  }

  read(): ConfigFile {
    let parsed: unknown;
    try {
      parsed = Bun.TOML.parse(this.#text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.replace(/^TOML Parse error: /, "") : String(cause);
      throw this.#failure(lineOfError(this.#text), reason.charAt(0).toLowerCase() + reason.slice(1), cause);
    }
    const result = v.safeParse(CONFIG, parsed, { abortEarly: true });
    if (result.success) return result.output;
    const [issue] = result.issues;
    const path = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    const isUnknown = issue.type === "strict_object" && issue.expected === "never";
    const reason = isUnknown ? unknownKey(path) : `${path.join(".")}: ${reasonOf(issue)}`;
    throw this.#failure(lineOfKey(this.#text, path), reason, undefined);
  }

  /** Has a value read as if it stood on the command line of `run`. */
  check(name: string, values: readonly string[], key: Path, env: Environment): void {
    for (const [index, value] of values.entries()) {
      try {
        readRunOptions(parseArgs(RUN, [`--${name}=${value}`, "image"], true), env, "/");
      } catch (cause) {
        if (!isTsboxError(cause)) throw cause;
        const line = lineOfKey(this.#text, RUN.flags[name]?.repeated && key[0] === "run" ? [...key, index] : key);
        throw this.#failure(line, cause.message, cause);
      }
    }
  }

  checkSubnets(subnets: readonly string[]): readonly string[] {
    // few files have them
    const { parseSubnet } = require("../../network/named/index.ts") as typeof import("../../network/named/index.ts");
    const wrong = subnets.findIndex((text) => parseSubnet(text) === undefined);
    if (wrong < 0) return subnets;
    const reason = `network.subnets: ${subnets[wrong]} is not an IPv4 subnet such as 10.100.0.0/16`;
    throw this.#failure(lineOfKey(this.#text, ["network", "subnets", wrong]), reason, undefined);
  }

  #failure(line: number, reason: string, cause: unknown): TsboxError {
    return new TsboxError("usage", `cannot read ${this.#path}:${line}: ${reason}`, { cause });
  }
}

/** What a schema says of itself ("Invalid type: Expected ...") is cut to what was expected. */
function reasonOf({ message }: { readonly message: string }): string {
  return message.replace(/^Invalid \w+: /, "").replace(/^E/, "e");
}

function unknownKey(path: readonly (string | number)[]): string {
  const key = String(path.at(-1) ?? "");
  const section = path.length > 1 ? String(path[0]) : undefined;
  if (section === "run" && NO_DEFAULT.includes(key))
    return `run.${key} cannot have a default: it is about one container`;
  const near = nearest(key, keysOf(section));
  const hint = near === undefined ? "see man tsbox.toml" : `did you mean ${near}?`;
  const what =
    section === undefined
      ? `no section or key ${JSON.stringify(key)}`
      : `no key ${JSON.stringify(key)} in [${section}]`;
  return `there is ${what}; ${hint}`;
}
