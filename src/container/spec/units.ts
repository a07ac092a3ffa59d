/** Values of flags as Docker writes them. */
import { TsboxError } from "../../error.ts";
import type { Rlimit } from "../../oci/index.ts";

const FACTORS: Record<string, number> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 };

/**
 * `512m`, `1.5g`, `64KiB`, `1024` as bytes; units are powers of 1024.
 * @throws TsboxError `usage`
 */
export function parseBytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const bytes =
    match === null
      ? Number.NaN
      : Math.floor(Number(match[1]) * (FACTORS[(match[2] ?? "").toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes))
    throw new TsboxError("usage", `cannot use ${flag} ${text}: it is not a size such as 512m`);
  return bytes;
}

/** `1.5` processors as a quota in each period of 100 ms. @throws TsboxError `usage` */
export function parseCpus(text: string): { quota: number; period: number } {
  const cpus = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(cpus >= 0.01))
    throw new TsboxError("usage", `cannot use --cpus ${text}: it is not a number of processors such as 1.5`);
  return { quota: Math.round(cpus * 100000), period: 100000 };
}

const ULIMITS =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack as".split(" ");
// The largest double below 2^64: JSON writes it as 18446744073709550000, which fits the 64 bits of other runtimes (2^64 does not), and
// everything from 2^63 on is no limit to ours.
const INFINITY = 2 ** 64 - 2 ** 11;

/** `nofile=1024:2048` or `nofile=1024`; -1 and `unlimited` are no limit. @throws TsboxError `usage` */
export function parseUlimit(text: string): Rlimit {
  const [name = "", values, ...rest] = text.split("=");
  const fail = (reason: string) => new TsboxError("usage", `cannot use --ulimit ${text}: ${reason}`);
  if (!ULIMITS.includes(name)) throw fail(`${JSON.stringify(name)} is not a limit; there are ${ULIMITS.join(", ")}`);
  const parts = (values ?? "").split(":").map((part) => {
    if (part === "-1" || part === "unlimited") return INFINITY;
    return /^\d+$/.test(part) ? Number(part) : Number.NaN;
  });
  const [soft = Number.NaN, hard = soft] = parts;
  if (rest.length > 0 || parts.length > 2 || Number.isNaN(soft) || Number.isNaN(hard))
    throw fail("expected NAME=SOFT[:HARD]");
  if (soft > hard) throw fail("the soft limit is above the hard one");
  return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard };
}

/** `NAME=value` as a pair; a missing value is empty. @throws TsboxError `usage` when the name is missing */
export function parsePair(text: string, flag: string): [string, string] {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  if (name === "") throw new TsboxError("usage", `cannot use ${flag} ${text}: the name is missing`);
  return [name, at < 0 ? "" : text.slice(at + 1)];
}
