/** Operations that go together in the plans of several processes. */
import { O_CLOEXEC, O_RDWR } from "../linux/abi.gen.ts";
import { type Program, type Slot, STDERR, STDIN, STDOUT } from "./builder.ts";
import {
  RECOVER_BUSY,
  RECOVER_DENIED,
  RECOVER_EXISTS,
  RECOVER_MISSING,
  RECOVER_OTHER,
  RECOVER_UNSUPPORTED,
} from "./format.gen.ts";

/** `recover` of an operation that need not succeed. */
export const ANY_FAILURE =
  RECOVER_MISSING | RECOVER_DENIED | RECOVER_EXISTS | RECOVER_UNSUPPORTED | RECOVER_BUSY | RECOVER_OTHER;

/**
 * Listens for packets at `name` in `folder`, for the same user alone, in place of who listened there before. The process is in that
 * folder then, because the path of a socket has at most 107 bytes (unix(7)).
 */
export function addListening(program: Program, folder: string, name: string, listener: Slot): void {
  program.add("umask", [0o077]);
  program.add("chdir", [folder], { note: `enter ${folder}` });
  program.add("unlinkat", [null, name, 0], { recover: ANY_FAILURE });
  program.add("listen_unix", [listener, name], { note: `listen on ${folder}/${name}` });
}

/** For a process that stays: it reads the end of file, and what it writes is gone. */
export function addNullStreams(program: Program): void {
  const nothing = program.slot();
  program.add("openat2", [nothing, null, "/dev/null", O_RDWR | O_CLOEXEC, 0, 0], { note: "open /dev/null" });
  for (const target of [STDIN, STDOUT, STDERR]) program.add("dup2", [nothing, target]);
  program.add("close", [nothing]);
}
