/** `checkpoint` and `restore`, which CRIU does. */
import { TsboxError } from "../../error.ts";
import type { Globals } from "./globals.ts";

export async function checkpoint(argv: readonly string[], globals: Globals): Promise<number> {
  return refuse("checkpoint", argv, globals);
}

export async function restore(argv: readonly string[], globals: Globals): Promise<number> {
  return refuse("restore", argv, globals);
}

function refuse(verb: string, _argv: readonly string[], _globals: Globals): never {
  if (Bun.which("criu") === null)
    throw new TsboxError("unsupported", `cannot ${verb}: it takes CRIU, and there is no criu program in PATH`);
  throw new TsboxError("unsupported", `cannot ${verb}: tsbox has not built it yet`);
}
