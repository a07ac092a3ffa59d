/** The value of `--filter until=`. */
import { TsboxError } from "../../error.ts";

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time as Date reads it, seconds since 1970, or so long ago: `24h`, `1h30m`.
 * @returns milliseconds since 1970
 * @throws TsboxError `usage`
 */
export function parseUntil(value: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (/^(\d+[smhd])+$/.test(value)) {
    const parts = [...value.matchAll(/(\d+)([smhd])/g)];
    return Date.now() - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  }
  const time = Date.parse(value);
  if (Number.isNaN(time)) throw new TsboxError("usage", `cannot use --filter until=${value}: that is no time`);
  return time;
}
