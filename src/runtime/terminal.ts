/** `process.terminal`: a pseudo terminal of the container's own. */
import { O_NOCTTY, O_RDWR, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS } from "../linux/abi.gen.ts";
import type { Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";
import { addConsole } from "./devices.ts";

/**
 * Of the container's own devpts; its other end is opened through it, never by a path (CVE-2025-52565). `receiver` is the socket of
 * whoever moves its bytes.
 */
export function addTerminal(
  compilation: Compilation,
  use: { receiver: Slot; terminal: Slot; uid: number; console?: boolean },
): void {
  const { inside, root, config } = compilation;
  const ptmx = inside.slot();
  inside.add("openat2", [ptmx, root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS], {
    note: "open /dev/pts/ptmx of the container",
  });
  inside.add("open_pty", [ptmx, use.terminal, ptmx], { note: "make a terminal" });
  const size = config.process?.consoleSize;
  if (size !== undefined)
    inside.add("window_size", [ptmx, size.height, size.width], { note: "set process.consoleSize" });
  if (use.uid !== 0)
    inside.add("fchownat", [use.terminal, "", use.uid, 0xffffffff, 0x1000], { note: "give the terminal to the user" });
  // a process that joins finds the first one's
  if (use.console !== false) addConsole(compilation, use.terminal);
  inside.add("send_fd", [use.receiver, ptmx], { note: "hand over the terminal" });
  inside.add("close", [ptmx]);
}
