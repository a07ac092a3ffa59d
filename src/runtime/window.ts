/** The size of a terminal that tsbox moves the bytes of. */
import { terminalSize } from "../linux/terminal.ts";
import type { Program, Slot } from "../plan/index.ts";
import type { ProcessConfig } from "./process.ts";

/** The program finds the person's window from its first moment; later changes come by SIGWINCH. `process.consoleSize` counts more. */
export function addWindow(outside: Program, master: Slot, { consoleSize }: ProcessConfig): void {
  const size = consoleSize === undefined ? (terminalSize(0) ?? terminalSize(1)) : undefined;
  if (size !== undefined)
    outside.add("window_size", [master, size.rows, size.columns], { note: "set the terminal's size" });
}
