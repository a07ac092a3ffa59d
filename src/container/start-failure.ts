/** `tsbox __start-failure OP ERRNO DETAIL STORE ID keep|discard`: what a launcher becomes when its container could not be started. */
import { isTsboxError } from "../error.ts";
import { replaceFile } from "../linux/write-text.ts";
import { explainFailure } from "../plan/index.ts";
import { containerFolder } from "./folder.ts";
import { discardContainer } from "./remove.ts";
import type { Exited } from "./state.ts";

/** @throws TsboxError always: why it could not be started */
export async function startFailure(args: readonly string[]): Promise<never> {
  const [op = "", errno = "", detail = "", store = "", id = "", what = ""] = args;
  const failure = await explainFailure([op, errno, detail]);
  if (what === "discard") await discardContainer(store, id);
  else noteFailure(containerFolder(store, id), failure);
  throw failure;
}

/** So that `ps` and `inspect` tell it. */
export function noteFailure(folder: string, failure: unknown): void {
  const code = isTsboxError(failure) ? failure.code : "internal";
  const exitCode = code === "command-not-found" ? 127 : code === "command-not-executable" ? 126 : 125;
  const error = failure instanceof Error ? failure.message : String(failure);
  replaceFile(`${folder}/exited.json`, JSON.stringify({ exitCode, finishedAt: Date.now(), error } satisfies Exited));
}
