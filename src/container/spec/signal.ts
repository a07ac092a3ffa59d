/** The signal of `--stop-signal`, as it is kept. */
import { TsboxError } from "../../error.ts";
import { signalNumber } from "../../linux/signals.ts";

/** `TERM`, `sigterm` or `SIGTERM` as `SIGTERM`; `15` as it is. @throws TsboxError `usage` */
export function parseSignal(text: string): string {
  if (signalNumber(text) === undefined)
    throw new TsboxError("usage", `cannot use signal ${JSON.stringify(text)}: there is no such signal`);
  return /^\d/.test(text) ? text : `SIG${text.toUpperCase().replace(/^SIG/, "")}`;
}
