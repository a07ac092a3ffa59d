/** `tsbox completion SHELL`, and `tsbox __complete`, which its scripts call. */
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import type { CommandDefinition } from "../args.ts";
import { HELP, readCommand, requireOperands } from "../command.ts";
import { applyConfig } from "../config/apply.ts";
import { SCRIPTS } from "./scripts.ts";

export const COMPLETION: CommandDefinition = {
  name: "completion",
  description:
    "Print a script that completes commands, flags and names in a shell. It asks tsbox each time, so it need not be made again.",
  operands: "bash|zsh|fish",
  flags: { ...HELP },
  examples: [
    ["source <(tsbox completion bash)", "in ~/.bashrc"],
    ["tsbox completion zsh > ~/.zfunc/_tsbox", "for zsh, with ~/.zfunc in its fpath"],
    ["tsbox completion fish > ~/.config/fish/completions/tsbox.fish", "for fish"],
  ],
};

/** @throws TsboxError `usage` */
export async function completion(argv: readonly string[]): Promise<number> {
  const args = await readCommand(COMPLETION, argv);
  if (args === undefined) return 0;
  requireOperands(COMPLETION, args, "shell");
  const shell = args.positionals.join(" ");
  const script = Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1];
  if (script === undefined)
    throw new TsboxError("usage", `cannot complete for ${JSON.stringify(shell)}: it is none of bash, zsh and fish`);
  writeAll(1, script);
  return 0;
}

/** `__complete WORD...`; see scripts.ts for the answer. */
export async function completeCommand(words: readonly string[]): Promise<number> {
  // [storage] root is where names are looked up; a shell must not see what is wrong with the file
  try {
    await applyConfig();
  } catch {
    // names of the usual place, then
  }
  const { complete } = await import("./complete.ts");
  const { candidates, files } = await complete(words);
  const lines = candidates.map(([word, what]) => `${word}\t${what}\n`);
  writeAll(1, `${lines.join("")}:${files ?? "none"}\n`);
  return 0;
}
