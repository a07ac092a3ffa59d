/** Hooks that TypeScript runs: those of `start` and `delete`, when the container needs nothing of native any more. */
import { TsboxError } from "../../error.ts";
import type { Hook, RuntimeState } from "../../oci/index.ts";
import { type HookKind, hookArguments, hookTimeout } from "../hooks.ts";
import { specificationState } from "./specification-state.ts";
import type { StateRecord } from "./state-folder.ts";

/**
 * Runs hooks of one kind in their order, with the state on their standard input.
 *
 * @param onFailure what to do with the failure of one; throwing ends the others
 */
export async function runHooks(
  record: StateRecord,
  kind: HookKind,
  status: RuntimeState["status"],
  onFailure: (error: TsboxError) => void,
): Promise<void> {
  const state = JSON.stringify(specificationState(record, status));
  for (const hook of record.config.hooks?.[kind] ?? []) {
    const reason = await runHook(hook, hookTimeout(hook, kind), state);
    if (reason !== undefined) onFailure(new TsboxError("host", `cannot run the ${kind} hook ${hook.path}: ${reason}`));
  }
}

/** @returns why it failed */
async function runHook(hook: Hook, timeout: number, state: string): Promise<string | undefined> {
  const [argv0 = hook.path, ...rest] = hookArguments(hook);
  try {
    const child = Bun.spawn([hook.path, ...rest], {
      argv0,
      env: Object.fromEntries((hook.env ?? []).map(splitVariable)),
      stdin: new TextEncoder().encode(state),
      stdout: "ignore",
      stderr: "pipe",
      ...(timeout === 0 ? {} : { timeout, killSignal: "SIGKILL" as const }),
    });
    // a process that the hook leaves behind may keep its standard error open: what counts is its own end
    const text = new Response(child.stderr).text().catch(() => "");
    const exit = await child.exited;
    if (exit === 0) return undefined;
    const said = (await Promise.race([text, Bun.sleep(100).then(() => "")])).trim().split("\n").at(-1) ?? "";
    if (child.signalCode === "SIGKILL" && timeout > 0) return `it took longer than ${timeout / 1000} s`;
    return said === "" ? `it ended with status ${exit}` : said;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // cast: Bun.spawn throws system errors
    return code === "ENOENT" ? "no such file or directory" : code === "EACCES" ? "permission denied" : message;
  }
}

function splitVariable(entry: string): [string, string] {
  const equals = entry.indexOf("=");
  return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
