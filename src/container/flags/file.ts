import { TsboxError } from "../../error.ts";
import { errnoText, SyscallError } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";

/** The text of a file that a flag names. @throws TsboxError `not-found` */
export function readFlagFile(path: string, flag: string): string {
  try {
    return readText(path);
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause;
    throw new TsboxError("not-found", `cannot read ${flag} ${path}: ${errnoText(cause.errno)}`, { cause });
  }
}
