/** Lists of processors and memory nodes, cpuset(7) "List format". */
import { TsboxError } from "../error.ts";

/**
 * `0-3,7` as a bit mask in whole words of 64 bits.
 * @param limit numbers are below it
 * @param field for messages
 * @throws TsboxError `invalid`
 */
export function numberSet(list: string, limit: number, field: string): Uint8Array {
  const refuse = (reason: string) => new TsboxError("invalid", `cannot run: ${field}: ${reason}`);
  const numbers = new Set<number>();
  let highest = 0;
  for (const part of list.split(",").map((text) => text.trim())) {
    if (part === "") continue;
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) throw refuse(`"${part}" is neither a number nor a range such as 0-3`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) throw refuse(`${part} ends before it begins`);
    if (last >= limit) throw refuse(`${last} is too high`);
    for (let number = first; number <= last; number++) numbers.add(number);
    highest = Math.max(highest, last);
  }
  if (numbers.size === 0) throw refuse("it is empty");
  const mask = new Uint8Array((Math.floor(highest / 64) + 1) * 8);
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}
