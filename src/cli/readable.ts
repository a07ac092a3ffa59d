/** Sizes and times as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `7.83 MB`: powers of 1000 and three digits, as Docker has it. */
export function readableSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as 1000
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const SPANS: readonly (readonly [name: string, seconds: number])[] = [
  ["years", 365 * 86400],
  ["months", 30 * 86400],
  ["weeks", 7 * 86400],
  ["days", 86400],
  ["hours", 3600],
  ["minutes", 60],
];

/**
 * `3 days ago`, in the largest unit of which there are two at least, as Docker has it ("47 hours" says more than "1 day");
 * of what has no time, `-`.
 * @param time milliseconds since 1970
 */
export function readableAge(time: number | undefined, now: number): string {
  if (time === undefined || Number.isNaN(time)) return "-";
  const seconds = Math.floor((now - time) / 1000);
  for (const [name, length] of SPANS) {
    const count = Math.floor(seconds / length);
    if (count >= 2) return `${count} ${name} ago`;
  }
  if (seconds < 1) return "just now";
  return seconds === 1 ? "1 second ago" : `${seconds} seconds ago`;
}

/** What strangers choose (names, labels, messages of servers) without control characters, which must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** The first twelve digits of a digest's hash, or of an id. */
export function shortID(text: string): string {
  return text.slice(text.indexOf(":") + 1).slice(0, 12);
}
