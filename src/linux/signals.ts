/** Signals by name and number. signal(7) */
import { SIGNALS } from "./abi.gen.ts";

/** The first and the last that are for programs to give a meaning; the C library keeps 32 and 33 for itself. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * @param text `KILL`, `SIGKILL`, `sigkill`, `9`, `RTMIN+3`, `RTMAX-1`
 * @returns undefined when there is no signal of that name or number; 0 is none
 */
export function signalNumber(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return numberOf(text.toUpperCase().replace(/^SIG/, ""));
  const number = Number(text);
  return number >= 1 && number <= RTMAX ? number : undefined;
}

/** @param name in upper case, without `SIG` */
function numberOf(name: string): number | undefined {
  const realTime = /^RT(?:MIN(\+\d+)?|MAX(-\d+)?)$/.exec(name);
  if (realTime === null) return Object.hasOwn(SIGNALS, `SIG${name}`) ? SIGNALS[`SIG${name}`] : undefined;
  const [, above, below] = realTime;
  const number = (name.startsWith("RTMIN") ? RTMIN : RTMAX) + Number(above ?? below ?? 0);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}
