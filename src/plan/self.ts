/** How tsbox starts itself again: for work inside a user namespace, for clean-up, for saying what failed. */
import { fileURLToPath } from "node:url";

/** True in the compiled executable, false under `bun src/main.ts` and `bun test`. */
export function isCompiled(): boolean {
  return import.meta.url.includes("/$bunfs/");
}

/**
 * The command line that starts this same tsbox; arguments are appended. Absolute paths.
 * Tests that run from the sources get `bun src/main.ts`.
 */
export function selfCommand(): readonly string[] {
  if (isCompiled()) return [process.execPath];
  return [process.execPath, fileURLToPath(new URL("../main.ts", import.meta.url))];
}
