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

/**
 * A span of time in Docker's words: in the largest unit of which there are two at least ("47 hours" says more than "1 day").
 * @param milliseconds what is below a second, or negative because clocks were set, is "Less than a second"
 */
export function readableDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "About a minute" : `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours < 48) return hours === 1 ? "About an hour" : `${hours} hours`;
  if (hours < 14 * 24) return `${Math.floor(hours / 24)} days`;
  if (hours < 60 * 24) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 730 * 24) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

/**
 * `3 days ago`; of what has no time, `-`.
 * @param time milliseconds since 1970
 */
export function readableAge(time: number | undefined, now: number): string {
  return time === undefined || Number.isNaN(time) ? "-" : `${readableDuration(now - time)} ago`;
}

/** `2026-11-21 11:52:34 +0000 UTC`, as Docker writes it where the clock is UTC; empty for what has no time. */
export function readableTime(time: number | undefined): string {
  if (time === undefined || Number.isNaN(time)) return "";
  return new Date(time).toISOString().replace(/T(.*)\..*/, " $1 +0000 UTC");
}

/** Whether {@link printable} would leave a text as it is. */
export function isPrintable(text: string): boolean {
  return !/[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** What strangers choose (names, labels, messages of servers) without control characters, which must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** The first twelve digits of a digest's hash, or of an id. */
export function shortID(text: string): string {
  return text.slice(text.indexOf(":") + 1).slice(0, 12);
}
