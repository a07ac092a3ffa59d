/** What is wrong with a template, and where. */
import { TsboxError } from "../../error.ts";

/** @param at where in the template: from there to the end of the action, or of the line, is shown */
export function templateError(template: string, at: number, reason: string): TsboxError {
  const open = template.lastIndexOf("{{", at);
  const start = open < 0 || template.slice(open, at).includes("}}") ? at : open;
  const close = template.indexOf("}}", at);
  const shown = template.slice(start, close < 0 ? undefined : close + 2).slice(0, 80);
  return new TsboxError("usage", `cannot use --format: at character ${at + 1}, ${shown}: ${reason}`);
}
