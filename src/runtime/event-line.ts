/** What happened to a container, told by native: a line that is appended to the store's events. */
import { O_APPEND, O_CREAT, O_WRONLY } from "../linux/abi.gen.ts";
import { ANY_FAILURE, encode, type Program, TIME_OF_DAY } from "../plan/index.ts";

/** @param line of {@link eventLine}. One that cannot be written is no failure of what happened */
export function addEventLine(outside: Program, path: string, line: Uint8Array): void {
  outside.add("write_file", [null, path, line, O_WRONLY | O_CREAT | O_APPEND], { expand: true, recover: ANY_FAILURE });
}

/**
 * JSON escapes the bytes that stand for something in plans.
 * @param more JSON with placeholders that follows the fields
 */
export function eventLine(fields: object, more = ""): Uint8Array {
  return encode(`${JSON.stringify(fields).slice(0, -1)}${more},"time":${TIME_OF_DAY}}\n`);
}
