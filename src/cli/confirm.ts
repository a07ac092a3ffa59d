/** The question before things are removed for good. */
import { writeAll } from "../linux/write-text.ts";

/**
 * Asks as Docker does, whoever is at the other end: `yes | tsbox system prune` works, and no answer is no.
 * @param what goes: a sentence's end, or a list
 */
export async function confirmed(what: string | readonly string[]): Promise<boolean> {
  const text = typeof what === "string" ? ` ${what}.\n` : `:\n${what.map((line) => `  - ${line}\n`).join("")}\n`;
  writeAll(1, `WARNING! This will remove${text}Are you sure you want to continue? [y/N] `);
  for await (const line of console) return /^y(es)?$/i.test(line.trim());
  return false;
}
