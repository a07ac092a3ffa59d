/** Signals by name or number. signal(7). */
import { TsboxError } from "../../error.ts";
import { SIGNALS } from "../../linux/abi.gen.ts";

/** `TERM`, `SIGTERM` or `15` as `SIGTERM`. @throws TsboxError `usage` */
export function parseSignal(text: string): string {
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  if (Object.hasOwn(SIGNALS, name)) return name;
  if (/^(SIG)?RTMIN(\+\d+)?$/.test(upper) || /^(SIG)?RTMAX(-\d+)?$/.test(upper)) return name;
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 64) return text;
  throw new TsboxError("usage", `cannot use signal ${JSON.stringify(text)}: there is no such signal`);
}
