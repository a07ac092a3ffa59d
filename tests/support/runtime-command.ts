/** tsbox as the runtime of other engines: under the names by which they know runtimes. */
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import type { Requirement } from "./skip.ts";
import { TSBOX } from "./tsbox.ts";

export { TSBOX };

/** dist/tsbox answers to runc's command line. */
export const runtimeCommand: Requirement = {
  what: "tsbox with runc's command line",
  inCI: true,
  met: () => Bun.spawnSync([TSBOX, "oci", "--version"], { stdin: "ignore" }).success,
};

/** A runtime's path, for as long as it is not disposed of. */
export type NamedRuntime = { readonly path: string; [Symbol.dispose](): void };

/**
 * A link to `target` that is called `name`, because callers go by a runtime's name. It is not below /tmp, which is hidden where
 * the validation suite runs; what is below /tmp itself is copied.
 */
export function namedRuntime(name: "runc" | "crun", target = TSBOX): NamedRuntime {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "runtime-"));
  if (realpathSync(target).startsWith("/tmp/")) copyFileSync(target, join(folder, name));
  else symlinkSync(target, join(folder, name));
  return { path: join(folder, name), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
