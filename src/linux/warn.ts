/** Warnings: what happens in another way than was asked for, and what the person may want to mend. */
import { writeAll } from "./write-text.ts";

/**
 * Prints `tsbox: MESSAGE` on standard error, unless `--log-level error` (`TSBOX_LOG_LEVEL`) asks for silence. Never throws: a closed
 * standard error is no reason not to go on.
 */
export function warn(message: string): void {
  if (process.env.TSBOX_LOG_LEVEL === "error") return;
  try {
    writeAll(2, `tsbox: ${message}\n`);
  } catch {
    // nobody listens
  }
}
