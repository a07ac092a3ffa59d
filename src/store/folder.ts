/** Where the store is. */
import { TsboxError } from "../error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The store's folder: what `--root` says, else `$TSBOX_ROOT`, else `$XDG_DATA_HOME/tsbox`, else `~/.local/share/tsbox`.
 * A relative `$XDG_DATA_HOME` does not count (XDG base directory specification).
 *
 * @returns an absolute path; nothing is made or looked at
 * @throws TsboxError `host` when no variable says where
 */
export function storeFolder(override?: string, env: Environment = process.env): string {
  const chosen = override || env.TSBOX_ROOT;
  if (chosen) return absolute(chosen);
  if (env.XDG_DATA_HOME?.startsWith("/")) return trim(`${env.XDG_DATA_HOME}/tsbox`);
  if (env.HOME?.startsWith("/")) return trim(`${env.HOME}/.local/share/tsbox`);
  throw new TsboxError(
    "host",
    "cannot find the folder for images: HOME is not set; set it, or name a folder with --root",
  );
}

function absolute(path: string): string {
  return trim(path.startsWith("/") ? path : `${process.cwd()}/${path}`);
}

/** Paths become prefixes of others, so they have no slash at the end and no doubled ones. */
function trim(path: string): string {
  return path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}
