/** Hooks of config.json. runtime-spec config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle". */
import { TsboxError } from "../error.ts";
import type { Hook, Hooks } from "../oci/index.ts";
import { encode, type Program, type Slot } from "../plan/index.ts";

export type HookKind = keyof Hooks;

/**
 * Appends hooks of one kind, in their order; the first that fails ends the container.
 *
 * @param state JSON for their standard input, in which SUBJECT_PID stands for the pid. JSON.stringify escapes control characters,
 * so that no other byte of it is taken for that
 * @param log receives what they print, of which the last line is told when they fail
 */
export function addHooks(
  program: Program,
  hooks: Hooks | undefined,
  kind: HookKind,
  state: string,
  log: Slot | null,
): void {
  for (const hook of hooks?.[kind] ?? []) {
    if (!hook.path.startsWith("/"))
      throw new TsboxError("invalid", `cannot run: hooks.${kind}: path ${hook.path} is not absolute`);
    program.add("hook", [hook.path, hookArguments(hook), hook.env ?? [], encode(state), hookTimeout(hook, kind), log], {
      expand: true,
      note: `run the ${kind} hook ${hook.path}`,
    });
  }
}

export function hasHooks(hooks: Hooks | undefined, ...kinds: readonly HookKind[]): boolean {
  return kinds.some((kind) => (hooks?.[kind]?.length ?? 0) > 0);
}

/** argv; its first entry is the hook's own name where `args` is not given. */
export function hookArguments(hook: Hook): readonly string[] {
  return hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args;
}

/** Milliseconds; 0 is as long as it takes. @throws TsboxError for one that is not above zero, as the specification has it */
export function hookTimeout({ timeout }: Hook, kind: HookKind): number {
  if (timeout === undefined) return 0;
  if (timeout <= 0) throw new TsboxError("invalid", `cannot run: hooks.${kind}: timeout must be greater than zero`);
  return timeout * 1000;
}
