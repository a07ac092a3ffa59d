/** Hooks that TypeScript runs: those of `start` and `delete`, when the container needs nothing of native any more. */
import { TsboxError } from "../../error.ts";
import type { RuntimeState } from "../../oci/index.ts";
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
    const cannot = (reason: string) =>
      onFailure(new TsboxError("host", `cannot run the ${kind} hook ${hook.path}: ${reason}`));
    const timeout = hookTimeout(hook, kind);
    const [argv0 = hook.path, ...rest] = hookArguments(hook);
    const environment = Object.fromEntries((hook.env ?? []).map(splitVariable));
    try {
      const child = Bun.spawn([hook.path, ...rest], {
        argv0,
        env: environment,
        stdin: new TextEncoder().encode(state),
        stdout: "ignore",
        stderr: "pipe",
        ...(timeout === 0 ? {} : { timeout, killSignal: "SIGKILL" as const }),
      });
      // a process that the hook leaves behind may keep its standard error open: what counts is its own end
      const text = new Response(child.stderr).text().catch(() => "");
      const exit = await child.exited;
      if (exit === 0) continue;
      const said = (await Promise.race([text, Bun.sleep(100).then(() => "")])).trim().split("\n").at(-1) ?? "";
      if (child.signalCode === "SIGKILL" && timeout > 0) cannot(`it took longer than ${timeout / 1000} s`);
      else cannot(said === "" ? `it ended with status ${exit}` : said);
    } catch (error) {
      cannot((error as Error).message); // cast: Bun.spawn throws errors
    }
  }
}

function splitVariable(entry: string): [string, string] {
  const equals = entry.indexOf("=");
  return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
