/**
 * tsbox's own flags before the command. They become variables of the environment, where tsbox finds them when it calls itself:
 * `TSBOX_ROOT`, `TSBOX_LOG_LEVEL` (see `linux/warn.ts`), and `TSBOX_DEBUG` for the level debug.
 */
import { TsboxError } from "../error.ts";

const LEVELS = ["debug", "info", "warn", "error"];

/**
 * @returns the words from the command on; a flag that is not one of these, as `--version`, is left to the router
 * @throws TsboxError `usage`
 */
export function readGlobalFlags(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): readonly string[] {
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--debug" || word === "-D") {
      setLevel("debug", env);
      continue;
    }
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    if (name !== "--root" && name !== "--log-level") break;
    const value = equals < 0 ? argv[++i] : word.slice(equals + 1);
    if (!value) throw new TsboxError("usage", `cannot read the command line: ${name} needs a value`);
    if (name === "--root") env.TSBOX_ROOT = value;
    else setLevel(value, env);
  }
  return argv.slice(i);
}

function setLevel(level: string, env: NodeJS.ProcessEnv): void {
  if (!LEVELS.includes(level))
    throw new TsboxError("usage", `cannot use --log-level ${level}: it is one of ${LEVELS.join(", ")}`);
  env.TSBOX_LOG_LEVEL = level;
  if (level === "debug") env.TSBOX_DEBUG = "1";
  else delete env.TSBOX_DEBUG;
}
